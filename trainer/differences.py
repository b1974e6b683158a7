"""What stands between two results: in which settings their runs differ, and whether that forbids
to compare them. Pure functions of setups.

Two arms of one experiment share data, budget and network, so only their tricks can explain a
difference. Runs of different experiments share nothing by themselves: whatever differs beside the
tricks could explain it just as well. Such a difference refuses the verdict, unless a person asks
for exactly it ("by design": the comparison is grouped by that setting). Other test images never
become comparable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from trainer.setup import Setup

Kind = Literal[
    "test", "data", "budget", "setup", "seconds", "engine", "metric", "mixed", "seeds"
]  # fmt: skip
BUDGETS = ("epochs", "steps", "seconds")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One thing in which two results differ, in words: ``400 against 1,000 training examples``.

    ``kind``: other ``test`` images, other training ``data``, another ``budget``, another ``setup``
    (network, rate, ...), another device (only ``seconds`` suffer), another ``engine``, another
    ``metric``; a group that is ``mixed`` in itself; no ``seeds`` in common.
    """

    key: str
    kind: Kind
    text: str
    by_design: bool = False

    @property
    def grave(self) -> bool:
        """Whether it refuses the verdict."""
        return self.kind != "seconds" and not self.by_design


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How one key of a setup is spoken of.

    ``pair`` is filled with two values, ``unit`` with one that stands alone: ``400 examples``.
    """

    title: str
    kind: Kind = "setup"
    pair: str = ""
    unit: str = ""


SETTINGS = {
    "task": Setting(title="Task", kind="test"),
    "dataset": Setting(title="Data set", kind="test", pair="{a} against {b}"),
    "train_size": Setting(
        title="Training examples", kind="data", pair="{a} against {b} training examples",
        unit="{} examples",
    ),
    "label_noise": Setting(
        title="Wrong labels", kind="data", pair="{a} against {b} wrong labels",
        unit="{} wrong labels",
    ),
    "imbalance": Setting(
        title="Imbalance", kind="data", pair="classes {a} to 1 against {b} to 1", unit="{} to 1"
    ),
    "input_noise": Setting(
        title="Input noise", kind="test", pair="input noise of deviation {a} against {b}",
        unit="input noise {}",
    ),
    "difficulty": Setting(title="Difficulty", kind="test", unit="difficulty {}"),
    "preprocessing": Setting(title="Inputs", pair="inputs prepared by {a} against {b}"),
    "network.kind": Setting(title="Network", pair="{a} against {b}"),
    "network.depth": Setting(
        title="Network depth", pair="networks of depth {a} against {b}", unit="depth {}"
    ),
    "network.width": Setting(
        title="Network width", pair="networks of width {a} against {b}", unit="width {}"
    ),
    "epochs": Setting(title="Epochs", kind="budget", unit="{} epochs"),
    "steps": Setting(title="Steps", kind="budget", unit="{} steps"),
    "seconds": Setting(title="Seconds of training", kind="budget", unit="{} s of training"),
    "batch_size": Setting(title="Batch size", pair="batches of {a} against {b}", unit="batch {}"),
    "lr": Setting(title="Learning rate", pair="rates of {a} against {b}", unit="rate {}"),
    "device": Setting(title="Device", kind="seconds", pair="trained on {a} against {b}"),
}  # fmt: skip
NEVER = ("test",)  # kinds that no wish makes comparable
ORDER: list[Kind] = ["test", "data", "budget", "setup", "seconds"]
NETWORKS = {"mlp": "MLP", "cnn": "CNN", "resnet": "ResNet"}


def settings_of(setup: Setup) -> dict[str, Any]:
    """A setup as one flat dict: ``network.depth``; a budget that was not chosen is None."""
    return flat(setup.model_dump(mode="json"))


def flat(given: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in given.items():
        if isinstance(value, dict):
            found |= flat(value, f"{above}{key}.")
        else:
            found[f"{above}{key}"] = value
    return found


def title(key: str) -> str:
    """``Training examples``; a key without words of its own is its own title."""
    return SETTINGS[key].title if key in SETTINGS else key.replace("_", " ").replace(".", " ")


def shown(key: str, value: Any) -> str:
    """A value in words: ``30 %``, ``1,000``, ``MLP``."""
    if value is None:
        return "–"
    if key == "label_noise":
        return f"{100 * value:g} %"
    if key == "network.kind":
        return NETWORKS.get(value, str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:g}".replace("-", "−")


def labeled(key: str, value: Any) -> str:
    """A value that stands alone: ``400 examples``, ``rate 0.1``, ``digits``."""
    unit = SETTINGS[key].unit if key in SETTINGS else f"{title(key)} {{}}"
    return (unit or "{}").format(shown(key, value))


def unfair(a: Setup, b: Setup, by_design: Collection[str] = ()) -> list[Difference]:
    """In which settings two setups differ, the gravest kinds first.

    ``by_design``: keys whose difference is the question itself.
    """
    return between(settings_of(a), settings_of(b), by_design)


def between(
    a: Mapping[str, Any], b: Mapping[str, Any], by_design: Collection[str] = ()
) -> list[Difference]:
    """The same for flat setups; see :func:`settings_of`."""
    found = [
        difference(key, a.get(key), b.get(key), by_design)
        for key in dict.fromkeys((*a, *b))
        if key not in BUDGETS and a.get(key) != b.get(key)
    ]
    if a.get("dataset") != b.get("dataset"):  # each has its own difficulty
        found = [item for item in found if item.key != "difficulty"]
    one, other = budget(a), budget(b)
    if one != other:
        asked = any(key in by_design for key in BUDGETS)
        text = against(one, other)
        found.append(Difference(key="budget", kind="budget", text=text, by_design=asked))
    elif one[0] == "epochs":
        found = [with_steps(item, a, b) if item.key == "batch_size" else item for item in found]
    return sorted(found, key=lambda item: ORDER.index(item.kind))


def difference(key: str, a: Any, b: Any, by_design: Collection[str]) -> Difference:
    known = SETTINGS.get(key, Setting(title=title(key)))
    words = known.pair or f"{known.title.lower()} {{a}} against {{b}}"
    text = words.format(a=shown(key, a), b=shown(key, b))
    asked = key in by_design and known.kind not in NEVER
    return Difference(key=key, kind=known.kind, text=text, by_design=asked)


def budget(settings: Mapping[str, Any]) -> tuple[str, Any]:
    """The unit and the amount of what every run got."""
    unit = next((key for key in BUDGETS if settings.get(key) is not None), "steps")
    return unit, settings.get(unit)


def against(one: tuple[str, Any], other: tuple[str, Any]) -> str:
    """``10 against 20 epochs``, ``10 epochs against 300 steps``."""
    first = shown(*one) if one[0] == other[0] else labeled(*one)
    return f"{first} against {labeled(*other)}"


def with_steps(item: Difference, a: Mapping[str, Any], b: Mapping[str, Any]) -> Difference:
    """At equal epochs another batch size is another number of steps: said with it."""
    counts = [
        one["epochs"] * max(1, (one.get("train_size") or 0) // one["batch_size"]) for one in (a, b)
    ]
    return replace(item, text=f"{item.text}, so {counts[0]:,} against {counts[1]:,} steps")


def mixed(key: str, values: Sequence[Any], label: str) -> Difference:
    """A group that holds more than one value of a setting: its mean is a mean over that too."""
    some = [shown(key, one) for one in values[:3]]
    if len(values) > 3:
        some[2:] = [f"{len(values) - 2} more"]
    listed = f"{', '.join(some[:-1])} and {some[-1]}"
    return Difference(key=key, kind="mixed", text=f"{label} mixes {title(key).lower()} {listed}")
