"""The commands of ``python -m trainer``. Imports no torch."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import Timeout
from sqlalchemy.exc import DatabaseError

from trainer.devices import missing, probe
from trainer.experiment import Experiment, ExperimentError, parse
from trainer.export import FORMATS, NoExport
from trainer.export import export as write
from trainer.home import home, store_file
from trainer.processes import end_process
from trainer.queue import Queue
from trainer.refusals import refusal
from trainer.store import Store, StoreError
from trainer.supervisor import Supervisor
from trainer.workers import worker_lock
from tricks import adopt, catalog, problems

if TYPE_CHECKING:
    from trainer.executors.local import Local
    from tricks.base import Trick

WRONG_INPUT = 2
REFUSED = 3  # the store took no more while something was going on
INTERRUPTED = 130
LOCK_SECONDS = 2.0  # a page that looks whether there is a worker holds the lock for a moment
STOP_SECONDS = 4.0


class WrongInput(Exception):
    """What a person gave cannot be used; nothing was changed."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; gives the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ± shows ?
    given = parser().parse_args(arguments)
    try:
        status: int = given.do(given)
        return status
    except ExperimentError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        return WRONG_INPUT
    except (WrongInput, StoreError, NoExport) as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:  # whoever read the output has gone
        raise
    except (DatabaseError, OSError) as error:
        print(refusal(error, store_file(given.store or home())), file=sys.stderr)
        return REFUSED


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m trainer", description="Trickboard's trainer")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(do: Any, help: str, *, store: bool = True, as_json: bool = True) -> Any:
        one = commands.add_parser(do.__name__, help=help, description=help)
        one.set_defaults(do=do)
        if store:
            one.add_argument(
                "--store", metavar="PATH", help="a folder, or a file ending in .db or .sqlite"
            )
        if as_json:
            one.add_argument("--json", action="store_true", help="print JSON for machines")
        return one

    one = command(run, "train an experiment to its end and say what helped")
    one.add_argument("experiment", help="a JSON file; - reads standard input")
    one.add_argument("--workers", type=count, metavar="N", help="runs at a time; default: cores")
    one = command(worker, "train what the pages launch, until nobody needs it", as_json=False)
    one.add_argument("--workers", type=count, metavar="N", help="runs at a time; default: cores")
    one = command(tricks, "list the catalog, or check a trick of one's own", store=False)
    one.add_argument("--check", metavar="FILE", help="try the trick of this file on all laws")
    command(status, "tell what runs")
    one = command(stop, "end runs; without any named, all of them and the worker", as_json=False)
    one.add_argument("runs", nargs="*", metavar="RUN", help="ids of runs or of experiments")
    one = command(export, "write an experiment into a folder, to take it away", as_json=False)
    one.add_argument("experiment", metavar="EXPERIMENT", help="its id, as run prints it")
    one.add_argument("--format", required=True, choices=FORMATS, help="what is written")
    one.add_argument("--out", required=True, metavar="PATH", help="a folder, made if missing")
    return top


def count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1024:
        raise argparse.ArgumentTypeError(f"goes from 1 to 1024, not {number}")
    return number


def store_of(given: argparse.Namespace) -> Store:
    store = Store(given.store if given.store else home())
    store.counts("")  # opens it: what is wrong with it is told before anything else
    return store


def run(given: argparse.Namespace) -> int:
    from trainer.executors.local import Local

    return train(given, parse(read(given.experiment)), Local(compiler=False))


def train(given: argparse.Namespace, experiment: Experiment, executor: Local) -> int:
    """Launch an experiment, train it and tell what came out."""
    import scipy.special  # noqa: F401

    from trainer.foreground import train_to_end
    from trainer.results import as_json, table

    catalog()  # as scipy for the verdict: loaded now, while the fork server loads, it costs no time
    store = store_of(given)
    check_device(experiment, store)
    id = store.launch(experiment)
    if not given.json:
        print(f"Experiment {id} in {store.path}", file=sys.stderr)
    signaled = train_to_end(store, id, slots=given.workers, executor=executor)
    row, runs, trials = store.experiment(id), store.runs(id), store.trials(id)
    if row is None:
        print(f"Experiment {id} was deleted while it ran", file=sys.stderr)
        return 1
    lost = [one for one in runs if one.state in ("failed", "diverged")]
    lost += [one.run for one in trials if one.run.state == "failed"]  # one may diverge: it is tried
    for one in lost:
        text = f"{one.arm_name}, seed {one.seed} {one.state}: {one.error_text}"
        print(text, file=sys.stderr)
    if signaled is not None:
        every = [*runs, *(one.run for one in trials)]
        done = sum(one.state == "done" for one in every)
        print(f"Stopped: {done} of {len(every)} runs are done and kept", file=sys.stderr)
        return INTERRUPTED if signaled == signal.SIGINT else 128 + signaled
    shown = json.dumps(as_json(row, runs, trials), indent=1) if given.json else None
    print(shown or table(row, runs, trials))
    return 0 if runs and all(one.state == "done" for one in runs) else 1


def read(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise WrongInput(f"{path} cannot be read: {error.strerror}") from error


def check_device(experiment: Experiment, store: Store) -> None:
    """Refuse a device that this machine does not have; auto and cpu are always there."""
    wish = experiment.setup.device
    if wish in ("auto", "cpu"):
        return
    row = store.worker()
    try:
        devices = row.devices if row and row.alive and row.devices else probe()
    except OSError as error:
        raise WrongInput(f"setup.device = {wish!r}: {error}") from error
    if lacks := missing(wish, devices):
        raise WrongInput(f"setup.device = {wish!r}: {lacks[0].lower()}{lacks[1:]}")


def worker(given: argparse.Namespace) -> int:
    from trainer.executors.local import Local

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    store = store_of(given)
    lock = worker_lock(store.path)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        print(f"Another worker has {store.path}", file=sys.stderr)
        return 0
    supervisor = Supervisor(store, Local(), slots=given.workers)

    def end(number: int, frame: object) -> None:
        supervisor.ending = True

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    try:
        supervisor.run()
    finally:
        lock.release()
    return 0


def tricks(given: argparse.Namespace) -> int:
    if given.check:
        return check(given)
    for one in problems():
        print(f"{one.file} is left out. {one.reason} {one.remedy}", file=sys.stderr)
    if given.json:
        print(json.dumps([trick_json(one) for one in catalog().values()], indent=1))
        return 0
    for trick in catalog().values():
        knobs = ", ".join(
            f"{one.name} {'set by the setup' if one.default is None else f'{one.default:g}'} "
            f"({one.low:g} to {one.high:g})"
            for one in trick.knobs()
        )
        print(
            f"{trick.id():20} {trick.family():15} {trick.card.title}" + f"; {knobs}" * bool(knobs)
        )
    return 0


def check(given: argparse.Namespace) -> int:
    """Try one trick on every law; a line each, and 1 if one is broken."""
    file = Path(given.check)
    if not file.is_file():
        raise WrongInput(f"{file} cannot be read: there is no such file")
    found, problem = adopt(file)
    if found is None:
        if given.json:
            print(json.dumps({"id": None, "problem": problem, "laws": []}, indent=1))
        else:
            print(f"{file} cannot be used. {problem}")
        return 1
    from trainer.laws import Bench
    from trainer.laws import check as try_laws

    told = []
    for one in try_laws(found, Bench(home=home())):
        told.append(one)
        if not given.json:
            print(
                f"ok      {one.law}" if one.problem is None else f"broken  {one.law}: {one.problem}"
            )
            sys.stdout.flush()
    broken = sum(one.problem is not None for one in told)
    if given.json:
        shown = {"id": found.id(), "problem": None, "laws": [one._asdict() for one in told]}
        print(json.dumps(shown, indent=1))
    elif broken:
        print(f"{found.card.title} breaks {broken} of {len(told)} laws")
    else:
        print(f"{found.card.title} keeps all {len(told)} laws")
    return 1 if broken else 0


def trick_json(trick: type[Trick]) -> dict[str, Any]:
    card = trick.card
    return {
        "id": trick.id(),
        "family": trick.family(),
        "slot": trick.slot,
        "title": card.title,
        "title_zh": card.title_zh,
        "claim": card.claim,
        "watch_out": card.watch_out,
        "paper": str(card.paper),
        "knobs": [
            {
                "name": one.name,
                "default": one.default,
                "low": one.low,
                "high": one.high,
                "help": one.help,
            }
            for one in trick.knobs()
        ],
    }


def status(given: argparse.Namespace) -> int:
    store = store_of(given)
    row = store.worker()
    counts = store.counts()
    busy = [
        one for one in store.experiments() if {"waiting", "running"} & counts.get(one.id, {}).keys()
    ]
    alive = row is not None and row.alive
    if given.json:
        shown = {
            "store": str(store.path),
            "worker": row
            and {
                "pid": row.pid,
                "alive": alive,
                "state": row.state,
                "slots": row.slots,
                "busy": row.busy,
                "devices": row.devices,
            },
            "experiments": [
                {"id": one.id, "name": one.name, "states": counts[one.id]} for one in busy
            ],
        }
        print(json.dumps(shown, indent=1))
        return 0
    if row is None or not alive:
        print(f"No worker is running in {store.path}")
    else:
        print(f"Worker: process {row.pid}, {row.state}, {row.busy} of {row.slots} busy")
    for one in busy:
        states = ", ".join(f"{n} {state}" for state, n in sorted(counts[one.id].items()))
        print(f"{one.id}  {one.name}: {states}")
    if not busy:
        print("Nothing runs or waits")
    return 0


def stop(given: argparse.Namespace) -> int:
    store = store_of(given)
    queue = Queue(store)
    known = {one.id for one in store.experiments()}
    if given.runs:
        unknown = [id for id in given.runs if id not in known and not store.has_run(id)]
        if unknown:
            raise WrongInput(f"There is no run or experiment {', '.join(unknown)} in {store.path}")
        told = sum(store.stop(id) if id in known else store.stop_run(id) for id in given.runs)
    else:
        told = sum(store.stop(id) for id in known)
    wait_until(lambda: not stopping(queue), STOP_SECONDS)
    running = queue.running()
    deaf = {one.process for one in running if one.desired == "stop"}  # they do not listen
    for one in running:
        if one.process in deaf and one.desired != "stop":  # trained together with one that stops
            queue.put_back(one.id, one.attempt)
    for one in running:
        if one.desired == "stop":
            end_process(one.pid, one.pid_created)
            queue.died(one.id, one.attempt, "it was told to stop")
    print(f"Stopped {told} run{'s' * (told != 1)}" if told else "Nothing was running or waiting")
    if not given.runs:
        end_worker(store, queue)
    return 0


def export(given: argparse.Namespace) -> int:
    written = write(store_of(given), given.experiment, given.format, Path(given.out).expanduser())
    for path in written.files:
        print(path)
    for reason in written.left_out:
        print(f"left out: {reason}", file=sys.stderr)
    return 1 if written.left_out else 0


def stopping(queue: Queue) -> bool:
    return any(one.desired == "stop" for one in queue.running())


def end_worker(store: Store, queue: Queue) -> None:
    row = store.worker()
    if row is None or not row.alive:
        print("No worker was running")
        return
    queue.ask_end()
    if wait_until(lambda: not is_there(store), STOP_SECONDS):
        print(f"The worker (process {row.pid}) has ended")
    else:
        print(f"The worker (process {row.pid}) was asked to end and has not done so yet")


def is_there(store: Store) -> bool:
    row = store.worker()
    return row is not None and row.alive


def wait_until(condition: Any, seconds: float) -> bool:
    """Poll until something is so; False if it was not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
