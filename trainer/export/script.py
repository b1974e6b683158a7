"""An arm as one readable file that needs torch, torchvision and scikit-learn, and no Trickboard.

The tricks, the networks and the helpers in it are this house's own source text, cut down to what
the arm uses; the loop is written out for the arm (``script_loop.py``). Same seed, one thread on
the CPU: the same curve as a run of the engine. Nothing here imports torch.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
import textwrap
from dataclasses import fields
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.datasets import DATASETS
from trainer.export import script_data, script_loop, script_plan
from trainer.export.script_bundle import MAIN, Bundle, mentioned
from trainer.export.script_plan import CALLED, Plan
from trainer.export.script_render import Renderer, escaped
from trainer.export.script_sources import Sources, Symbol
from trainer.export.script_sources import Unsupported as Unsupported
from trainer.names import reserved
from tricks.base import NetworkSpec, Tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainer.experiment import Arm, Experiment
    from tricks.base import Trick

LONGEST = 60  # letters of a file's name
LIBRARIES = ("torch", "torchvision", "scikit-learn", "numpy")
FOLDED = {"trainer.blocks", "trainer.networks"}  # their classes lose attributes nobody else reads


def file_name(arm: Arm) -> str:
    """``label_smoothing.py``: a name that no library has, and no other arm of an experiment."""
    bare = re.sub(r"[^a-z0-9]+", "_", arm.name.lower()).strip("_")
    mark = hashlib.sha256(arm.name.encode()).hexdigest()[:4]
    if bare.replace("_", " ") != arm.name or len(bare) > LONGEST:
        bare = f"{bare[:LONGEST]}_{mark}" if bare else f"arm_{mark}"
    taken = bare in sys.stdlib_module_names or bare in {*LIBRARIES, "sklearn"} or reserved(bare)
    if bare[0].isdigit() or taken:
        bare = f"arm_{bare}"
    return f"{bare}.py"


def script(
    experiment: Experiment,
    arm: Arm,
    seed: int,
    *,
    result: tuple[float, float] | None = None,
) -> str:
    """The text of a Python file that trains an arm as the engine does.

    Args:
        experiment: whose arm it is.
        arm: one of its arms.
        seed: what the file trains with if it is not told another.
        result: the final test loss and test accuracy of that run, if it is known.

    Raises:
        Unsupported: no script can be made of this arm; the text says why.
    """
    setup, tricks = experiment.setup, arm.make()
    refuse(experiment)
    plan = Plan(setup=setup, arm=arm, seed=seed, tricks=tricks)
    symbols = {Symbol(type(one).__module__, type(one).__name__): one for one in plan.called()}
    look(plan, symbols)
    bundle, touched, hidden = bundled(plan, symbols, {}, set())
    plan.kind = "kind" in bundle.slots
    known = {
        ("spec", one.name): one.default
        for one in fields(NetworkSpec)
        if one.name not in touched and isinstance(one.default, int | float | str | None)
    }
    known["setup", "imbalance"] = setup.imbalance
    bundle, _, _ = bundled(plan, symbols, known, hidden)
    return written(plan, experiment, bundle, symbols, result)


def refuse(experiment: Experiment) -> None:
    """What no script can do.

    Raises:
        Unsupported: with the reason.
    """
    if experiment.setup.total_steps is None:
        raise Unsupported(
            "The budget of this experiment is in seconds, and how many steps that makes differs "
            "from machine to machine. A script counts steps: give the budget in epochs or steps."
        )
    if experiment.setup.dataset not in {"digits", "shapes", *script_data.TORCHVISION}:
        raise Unsupported(
            f"The data set {experiment.setup.dataset} is a file of one's own, which neither "
            "torchvision nor scikit-learn can bring."
        )


def look(plan: Plan, symbols: Mapping[Symbol, Trick]) -> None:
    """Find out what the tricks ask of the loop, from the source of their hooks."""
    bundle = Bundle(sources("", symbols), hooks_of(symbols))
    for symbol in symbols:
        bundle.take(symbol)
    bundle.grow()
    tools = {one.name for one in fields(Tools)} | {"epoch_steps"}
    for symbol, piece in bundle.pieces.items():
        asked = {name for node in piece.live() for name in tool_of(node)} & tools
        plan.lent |= asked
        if symbol in symbols and "tools" in piece.own:
            plan.tooled.add(symbols[symbol].id())
    if "epoch_steps" in plan.lent:
        plan.lent |= {"split", "batch_size"}


def tool_of(node: ast.AST) -> Iterator[str]:
    """What a node asks of ``self.tools``, or of tools that it was handed."""
    if isinstance(node, ast.Attribute):
        owner = node.value
        if isinstance(owner, ast.Attribute | ast.Name):
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id
            if name == "tools":
                yield node.attr


def hooks_of(symbols: Mapping[Symbol, Trick]) -> dict[Symbol, set[str]]:
    """The methods that the loop calls on each trick."""
    return {
        symbol: {moment for moment in CALLED if trick.changes(moment)}
        for symbol, trick in symbols.items()
    }


def sources(main: str, symbols: Mapping[Symbol, Trick]) -> Sources:
    """The main text and the files of the tricks, one's own included."""
    paths = {one.module: Path(sys.modules[one.module].__file__ or "") for one in symbols}
    return Sources({MAIN: main}, paths)


def main_text(plan: Plan, symbols: Mapping[Symbol, Trick]) -> dict[str, str]:
    """The definitions of the main text by section."""
    return {
        "Settings": script_data.settings(plan),
        "Data": f"{script_data.images(plan)}\n\n\n{script_data.data(plan)}",
        "Network": script_data.network(plan),
        "Training": "\n\n\n".join(
            [*([script_data.fit(plan)] if "fit" in plan.lent else []), script_loop.train(plan)]
        ),
        "Evaluation": script_data.evaluation(),
        "": script_data.command_line(plan),
    }


def bundled(
    plan: Plan, symbols: Mapping[Symbol, Trick], known: Mapping[tuple[str, str], object],
    hidden: set[str],
) -> tuple[Bundle, set[str], set[str]]:  # fmt: skip
    """The arm's definitions; the slots of the network that its tricks fill; what they read."""
    parts = main_text(plan, symbols)
    head = [script_plan.LIBRARIES, script_plan.OURS]
    read = sources("\n".join([*head, *parts.values()]), symbols)
    handles = {script_plan.handle(one): symbol for symbol, one in symbols.items()}
    read.open(MAIN).imports |= {"batches": script_plan.BATCHES, **handles}
    bundle = Bundle(read, hooks_of(symbols), known=known, hidden=hidden, lent=plan.lent)
    bundle.gather()
    slots = {one.name for one in fields(NetworkSpec)}
    touched: set[str] = set()
    outside: set[str] = set()
    for symbol, piece in bundle.pieces.items():
        if symbol.module in {*FOLDED, MAIN}:
            continue
        for node in piece.live():
            outside |= set(mentioned(node))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                outside.add(node.value)
            if isinstance(node, ast.keyword):
                touched |= slots if node.arg is None else {node.arg} & slots
    return bundle, touched, outside


def written(
    plan: Plan,
    experiment: Experiment,
    bundle: Bundle,
    symbols: Mapping[Symbol, Trick],
    result: tuple[float, float] | None,
) -> str:
    """The file: what it is, what it needs, and its sections one after the other."""
    parts = main_text(plan, symbols)
    sections = {
        name: section
        for section, text in parts.items()
        for name in sources(text, {}).open(MAIN).definitions
    }
    renderer = Renderer(bundle, symbols)
    found = renderer.definitions(sections)
    head = f"{docstring(plan, experiment, result)}\n\n{renderer.imports()}"
    blocks = []
    for section, said in headings(plan).items():
        if section in found:
            title = "\n".join(f"# {line}" for line in textwrap.wrap(said, 96))
            blocks.append(f"{title}\n\n\n{spaced(found[section])}")
    blocks += [*found[""], 'if __name__ == "__main__":\n    main()\n']
    return f"{head}\n\n" + "\n\n\n".join(blocks)


def spaced(texts: list[str]) -> str:
    """Definitions with two empty lines between them, constants close together."""
    found = texts[0]
    for before, one in pairwise(texts):
        close = before.count("\n") == one.count("\n") == 0
        found += ("\n" if close else "\n\n\n") + one
    return found


def headings(plan: Plan) -> dict[str, str]:
    """What stands above each section."""
    setup = plan.setup
    flaws = []
    if setup.label_noise:
        flaws.append(f"{setup.label_noise:.0%} of the labels are wrong")
    if setup.imbalance != 1:
        flaws.append(f"common classes are {setup.imbalance:g} times as large as rare ones")
    if setup.input_noise:
        flaws.append("every image has noise on it")
    flawed = f"; {', '.join(flaws)}" if flaws else ""
    tricks = ", ".join(one.card.title for one in plan.called()) or "none"
    kind = {"mlp": "an MLP", "cnn": "a CNN", "resnet": "a residual network"}
    return {
        "Settings": "Settings.",
        "Random numbers": "Random numbers: a generator for each purpose, so that no draw shifts "
        "another.",
        "Data": f"Data: {setup.train_size:,} images of {setup.dataset}{flawed}.",
        "Tricks": f"Tricks: {tricks}.",
        "Network": f"Network: {kind.get(setup.network.kind, setup.network.kind)}.",
        "Training": "Training.",
        "Evaluation": "Evaluation: the same for every arm, whatever it trained on.",
    }


def docstring(plan: Plan, experiment: Experiment, result: tuple[float, float] | None) -> str:
    """What the file is, where it comes from, how to run it."""
    arm, setup = plan.arm, plan.setup
    with_knobs = []
    for trick in plan.tricks:
        knobs = ", ".join(f"{name} {value:g}" for name, value in trick.values().items()
                          if value is not None)  # fmt: skip
        with_knobs.append(f"{trick.card.title} ({knobs})" if knobs else trick.card.title)
    what = f"Tricks: {'; '.join(with_knobs)}." if with_knobs else "No tricks: the plain net."
    lines = [
        f"The arm “{arm.name}” of the experiment “{experiment.name}”, on its own.",
        "",
        what,
        f"{DATASETS[setup.dataset].title.capitalize()} ({setup.dataset}), {plan.steps:,} steps "
        f"with batches of {setup.batch_size}.",
        "",
        f"Train it with seed {plan.seed}, or with another:",
        "",
        f"    python {file_name(arm)}",
        f"    python {file_name(arm)} --seed {plan.seed + 1}",
        "",
    ]
    if result is not None:
        loss, accuracy = result
        lines += [
            f"With seed {plan.seed} Trickboard's own run ended with test loss {loss:.6f} and test "
            f"accuracy {accuracy:.4f}.",
        ]
    lines += [
        "On one thread of a CPU it gives the curve that Trickboard gives; on other machines or "
        "with other versions of PyTorch the last digits may differ.",
        f"Written with {versions()}. It needs torch, torchvision and scikit-learn.",
        "MIT License, Copyright (c) 2026 Trickboard authors.",
    ]
    wrapped = []
    for line in lines:
        plain = escaped(line)
        wrapped += [plain] if plain.startswith("    ") or not plain else textwrap.wrap(plain, 96)
    return '"""' + "\n".join(wrapped) + '\n"""'


def versions() -> str:
    """The libraries as they are installed here."""
    found = [f"Python {sys.version_info.major}.{sys.version_info.minor}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)
