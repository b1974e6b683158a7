"""An experiment as data: one setup, several arms, the same seeds for each; JSON in and out.

What the lab builds, the address carries, the store keeps and the command line runs is this one
shape. Everything is checked here, before torch is imported, and every error names the place, the
rule and the value.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import json
import zlib
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, ValidationError

from trainer.datasets import DATASETS
from trainer.names import LONGEST, readable
from trainer.problems import MOST, UNREADABLE, crowded, explain, follows, short, shown
from trainer.problems import ExperimentError as ExperimentError
from trainer.problems import Problem as Problem
from trainer.problems import read_json as read_json
from trainer.setup import CNN as CNN
from trainer.setup import MLP as MLP
from trainer.setup import Finite, Model, Whole
from trainer.setup import ResNet as ResNet
from trainer.setup import Setup as Setup
from tricks import catalog
from tricks.own import version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tricks.base import Trick

T = TypeVar("T")
ENGINE = 1  # raised when the same run would no longer give the same curve

MOST_RUNS = 10_000
PLAIN = r"^[^\p{Cc}]*[^\p{Cc}\s][^\p{Cc}]*$"  # not blank, and no control characters

Name = Annotated[str, Field(min_length=1, max_length=LONGEST, strict=True, pattern=PLAIN)]


class TrickChoice(Model):
    """A trick by id, with the knobs that differ from their defaults."""

    id: str
    knobs: dict[str, Any] = Field(default_factory=dict)

    def make(self) -> Trick:
        """A fresh instance, for one run."""
        return catalog()[self.id](**self.knobs)

    def remade(self) -> Trick | None:
        """An instance to look at; None if a trick of one's own is gone or has other knobs now."""
        if self.id not in catalog():
            return None
        try:
            return self.make()
        except (TypeError, ValueError):
            return None


class Arm(Model):
    """A named set of tricks; an empty one is the plain net.

    ``lr_scale`` multiplies the arm's learning rate, whether that is the setup's or its optimizer's.
    """

    name: Name
    tricks: tuple[TrickChoice, ...] = ()
    lr_scale: Finite = Field(1.0, gt=0, le=1000)

    def make(self) -> list[Trick]:
        """Fresh instances in the order in which they share a moment."""
        return sorted((one.make() for one in self.tricks), key=lambda one: (one.order, one.id()))

    def left(self) -> list[Trick]:
        """The same for an old experiment: what there still is of its tricks."""
        made = [one for choice in self.tricks if (one := choice.remade()) is not None]
        return sorted(made, key=lambda one: (one.order, one.id()))


class Tune(Model):
    """Before the comparison every arm tries its rate times each of ``scales``, and keeps the best.

    On ``seeds`` seeds of their own, which are not compared: see :meth:`Experiment.tuning_seeds`.
    """

    scales: tuple[Annotated[float, Field(allow_inf_nan=False, strict=True, gt=0, le=1000)], ...] = (
        Field((0.25, 0.5, 1.0, 2.0, 4.0), min_length=2, max_length=20)
    )
    seeds: Whole = Field(2, ge=1, le=100)


class Experiment(Model):
    """One setup, arms (the first is the baseline), seeds. Made by :func:`parse`.

    ``margin`` is the largest difference that counts as none, in the metric's own unit; None: what
    the test images can tell apart.
    """

    name: Name
    setup: Setup
    arms: tuple[Arm, ...] = Field(min_length=1, max_length=256)
    seeds: tuple[Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)], ...] = Field(
        min_length=1, max_length=MOST_RUNS
    )
    metric: Literal["test_accuracy", "test_loss"] = "test_accuracy"
    margin: Finite | None = Field(None, ge=0)
    tune: Tune | None = None

    @property
    def baseline(self) -> Arm:
        return self.arms[0]

    def tuning_seeds(self) -> list[int]:
        """The seeds on which rates are tried: the first from 1,000,000 on that are not compared."""
        count = self.tune.seeds if self.tune else 0
        free = (seed for seed in range(1_000_000, 2**31) if seed not in self.seeds)
        return list(islice(free, count))

    def dump(self) -> dict[str, Any]:
        """Plain JSON data with all defaults filled in; the two budgets not chosen left out."""
        data, known = self.model_dump(mode="json"), catalog()
        data["setup"] = {key: value for key, value in data["setup"].items() if value is not None}
        for optional in ("margin", "tune"):
            if data[optional] is None:
                del data[optional]
        for arm in data["arms"]:
            if arm["lr_scale"] == 1:
                del arm["lr_scale"]
            for choice in arm["tricks"]:
                choice["knobs"] = known[choice["id"]](**choice["knobs"]).values()
        return data

    def run_id(self, arm: Arm, seed: int) -> str:
        """The identity of a run: a hash of all that decides its outcome. 16 hex digits."""
        return identity(self.setup, arm, seed)

    def runs(self) -> list[Run]:
        """Every run: seed by seed, so that all arms have their first seed before the second."""
        told = [told_of(self.setup, arm) for arm in self.arms]
        return [
            Run(id=hashed(what, arm, seed), setup=self.setup, arm=arm, seed=seed)
            for seed in self.seeds
            for arm, what in zip(self.arms, told, strict=True)
        ]


def identity(setup: Setup, arm: Arm, seed: int) -> str:
    """See :meth:`Experiment.run_id`. A trick of one's own counts with its source: an edited one
    is another."""
    return hashed(told_of(setup, arm), arm, seed)


def told_of(setup: Setup, arm: Arm) -> list[str]:
    """What the runs of an arm have in common, as JSON."""
    tricks = [[one.id(), one.values(), *own_source(one)] for one in arm.make()]
    given = setup.model_dump(mode="json")
    return [json.dumps(one, sort_keys=True, allow_nan=False) for one in (ENGINE, given, tricks)]


def hashed(told: list[str], arm: Arm, seed: int) -> str:
    scale = [] if arm.lr_scale == 1 else [json.dumps(arm.lr_scale)]  # none: as before there was one
    decides = ", ".join([*told, str(seed), *scale])
    return hashlib.sha256(f"[{decides}]".encode()).hexdigest()[:16]


def recipe(setup: Setup, arm: Arm) -> str:
    """What decides a run's outcome beside its seed: a hash, 16 hex digits. The name is no part."""
    return hashlib.sha256(json.dumps([*told_of(setup, arm), arm.lr_scale]).encode()).hexdigest()[
        :16
    ]


def own_source(trick: Trick) -> list[str]:
    found = version(type(trick))
    return [] if found is None else [found]


class Run(Model):
    """One arm trained with one seed. ``id`` is shared by all experiments that need this run."""

    id: str
    setup: Setup
    arm: Arm
    seed: int


def parse(given: str | bytes | dict[str, Any], *, draft: bool = False) -> Experiment:
    """The experiment that JSON text or data describes. A draft may hold tricks in conflict.

    Raises:
        ExperimentError: with every problem found (of very many, the first 1,000), each with its
            place, rule and value.
    """
    from trainer.checks import conflicts  # checks needs Setup

    data = read_json(given) if isinstance(given, str | bytes) else given
    if not isinstance(data, dict):
        raise ExperimentError([Problem(place="", rule="an experiment is a JSON object")])
    if too_large := crowded(data):
        raise ExperimentError([too_large])
    problems: list[Problem] = []
    experiment = None
    try:
        experiment = Experiment.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MOST]
        problems = [explain(one) for one in found if not follows(one, found)]
    problems += islice(tricks_problems(data), MOST - len(problems))
    if experiment is not None and not problems:
        problems = limits(experiment) or [
            Problem(place=f"arms[{i}]", rule=f"{one.title}. {one.reason}")
            for i, arm in enumerate(experiment.arms)
            for one in ([] if draft else conflicts(experiment.setup, arm))
        ]
    if problems or experiment is None:
        raise ExperimentError(problems)
    return experiment


def tricks_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """Unknown tricks, unknown knobs, values out of range; read from the raw data."""
    arms = data.get("arms")
    for i, arm in enumerate(arms if isinstance(arms, list) else []):
        choices = arm.get("tricks", []) if isinstance(arm, dict) else []
        for j, choice in enumerate(choices if isinstance(choices, list) else []):
            if isinstance(choice, dict):
                yield from trick_problems(f"arms[{i}].tricks[{j}]", choice)


def trick_problems(place: str, choice: dict[str, Any]) -> list[Problem]:
    name = choice.get("id")
    if not isinstance(name, str):
        return []
    trick = catalog().get(name)
    if trick is None:
        close = alike(name)
        rule = "there is no such trick" + (f"; did you mean {close[0]}?" if close else "")
        return [Problem(place=f"{place}.id", rule=rule, value=shown(name))]
    problems = []
    known = {knob.name: knob for knob in trick.knobs()}
    given = choice.get("knobs", {})
    for key, value in given.items() if isinstance(given, dict) else []:
        where = f"{place}.knobs.{short(str(key))}"
        if key not in known:
            has = f"{name} has no such knob, only {', '.join(known)}"
            if not known:
                has = f"{name} has no knobs"
            problems.append(Problem(place=where, rule=has, value=shown(value)))
        elif wrong := known[key].check(value):
            problems.append(Problem(place=where, rule=f"{name}'s {wrong}", value=shown(value)))
    return problems


@lru_cache
def alike(name: str) -> list[str]:
    """The trick that was probably meant, if there is one."""
    return [] if len(name) > 80 else difflib.get_close_matches(name, catalog(), 1)


def limits(experiment: Experiment) -> list[Problem]:
    """What no single field can see."""
    problems = []
    setup = experiment.setup

    def wrong(place: str, rule: str, value: object = None) -> None:
        problems.append(
            Problem(place=place, rule=rule, value=None if value is None else shown(value))
        )

    data = DATASETS.get(setup.dataset)
    if data is None:
        wrong("setup.dataset", f"the data sets are {', '.join(DATASETS)}", setup.dataset)
        return problems
    if setup.train_size is None or setup.train_size > data.train_size:
        rule = f"{setup.dataset} has {data.train_size:,} examples for training"
        wrong("setup.train_size", rule, setup.train_size)
    elif setup.train_size < data.classes:
        rule = f"{setup.dataset} has {data.classes} classes and needs an example of each"
        wrong("setup.train_size", rule, setup.train_size)
    if setup.difficulty is not None and data.difficulty is None:
        wrong("setup.difficulty", f"{setup.dataset} has no difficulty", setup.difficulty)
    budgets = [one for one in ("epochs", "steps", "seconds") if getattr(setup, one) is not None]
    if len(budgets) != 1:
        given = f", not {' and '.join(budgets)}" if budgets else ""
        wrong("setup", f"needs exactly one of epochs, steps and seconds{given}")
    if not readable(experiment.name):
        wrong("name", UNREADABLE, experiment.name)
    for i, arm in enumerate(experiment.arms):
        if not readable(arm.name):
            wrong(f"arms[{i}].name", UNREADABLE, arm.name)
    for i, name in repeats(arm.name for arm in experiment.arms):
        wrong(f"arms[{i}].name", "two arms may not have the same name", name)
    for i, arm in enumerate(experiment.arms):
        for j, one in repeats(choice.id for choice in arm.tricks):
            wrong(f"arms[{i}].tricks[{j}].id", "a trick may be in an arm once", one)
    for i, seed in repeats(experiment.seeds):
        wrong(f"seeds[{i}]", "every seed may be given once", seed)
    count = len(experiment.arms) * len(experiment.seeds)
    if count > MOST_RUNS:
        rule = f"an experiment has at most {MOST_RUNS:,} runs"
        given = f"{len(experiment.arms)} arms x {len(experiment.seeds)} seeds are {count:,} runs"
        wrong("", f"{given}: {rule}")
    if experiment.tune is not None:
        scales, tuned = len(experiment.tune.scales), experiment.tune.seeds
        count = len(experiment.arms) * scales * tuned
        given = f"{len(experiment.arms)} arms x {scales} scales x {tuned} seeds are {count:,} runs"
        if count > MOST_RUNS:
            wrong("tune", f"{given}: at most {MOST_RUNS:,} may be tried")
        for i, scale in repeats(experiment.tune.scales):
            wrong(f"tune.scales[{i}]", "every scale may be given once", scale)
    return problems


def repeats(values: Iterable[T]) -> list[tuple[int, T]]:
    """Where a value comes again, and which."""
    seen: set[T] = set()
    found = []
    for i, value in enumerate(values):
        if value in seen:
            found.append((i, value))
        seen.add(value)
    return found


def pack(data: dict[str, Any]) -> str:
    """An experiment, or a draft of one, for an address: base64url of the zlib-packed JSON."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def unpack(text: str, limit: int = 2_000_000) -> Any:
    """What :func:`pack` packed.

    Raises:
        ExperimentError: it is cut off, is not packed JSON, or would unpack to over ``limit`` bytes.
    """
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        stream = zlib.decompressobj()
        raw = stream.decompress(packed, limit)
        if not stream.eof:
            raise zlib.error("cut off or too long")
    except (binascii.Error, zlib.error, ValueError) as error:
        rule = "this address is not whole; copy the link again"
        raise ExperimentError([Problem(place="plan", rule=rule)]) from error
    return read_json(raw)
