"""The laws that every trick keeps, one's own included, before it has a test of its own.

A law is a function of a trick and a bench that raises :class:`Broken` with what is wrong and how
to mend it. Its name and the first line of its docstring say what it is about.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from trainer.cardlaws import Broken as Broken
from trainer.cardlaws import (
    card_is_complete,
    has_a_name_of_its_own,
    instances_travel,
    is_named_after_its_file,
    knobs_are_explained,
    knobs_refuse_nonsense,
    regime_is_an_experiment,
    rules_name_what_exists,
    rules_say_whole_sentences,
    speaks_chinese,
    want,
)
from trainer.experiment import ExperimentError
from trainer.lawbench import NETWORKS as NETWORKS
from trainer.lawbench import SEEDS, STEPS, TIMES, spec, tools
from trainer.lawbench import Bench as Bench
from tricks.base import Slot, Trick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainer.lawbench import Curve

    Law = Callable[[type[Trick], Bench], None]
    Told = tuple[Curve, str]

BROKEN_OFF = (23, 40)  # steps: within an epoch, and at the end of one
CHANCE = 0.3  # of ten classes 0.1 ± 0.014 is chance


class Finding(NamedTuple):
    """What came of one law: ``problem`` is None if it is kept."""

    law: str
    problem: str | None


def check(trick: type[Trick], bench: Bench) -> Iterator[Finding]:
    """Every law in turn. What a trick raises by itself is told too."""
    for law in LAWS:
        try:
            law(trick, bench)
            problem = None
        except Broken as broken:
            problem = str(broken)
        except ExperimentError as error:
            problem = "; ".join(str(one) for one in error.problems)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}{place(error, trick)}"
        yield Finding(title(law), problem)


def title(law: Law) -> str:
    """The first line of a law's docstring, without the period."""
    return (law.__doc__ or law.__name__).splitlines()[0].rstrip(".")


def place(error: BaseException, trick: type[Trick]) -> str:
    """Where in the trick's own file an error arose."""
    import inspect
    import traceback

    file = inspect.getfile(trick)
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == file]
    return f" (line {lines[-1]} of the file)" if lines else ""


# The mathematics, for any leading dimensions.


def made(trick: type[Trick], channels: int = 1) -> Trick:
    """An instance with the tools of the bench."""
    one = trick()
    one.tools = tools(channels)
    return one


def rates_are_sane(trick: type[Trick], bench: Bench) -> None:
    """Rates are positive, and factors between 0 and 1."""
    one = trick()
    want(one.rate(0.1) > 0, "rate must be above 0")
    want(one.scaled_rate(0.1, 32) > 0, "scaled_rate must be above 0")
    for knob in trick.knobs():
        if knob.name == "lr":
            shown = trick(lr=knob.low).rate(0.1)  # type: ignore[call-arg]
            want(shown == knob.low, f"rate() gives {shown:g} with the knob lr at {knob.low:g}")
    for steps in (1, 2, 3, 7, 100, 1000):
        over = one.horizon(steps)
        want(isinstance(over, int) and over >= 1, f"horizon({steps}) is {over}, not a step count")
        factors = [one.factor(step, over) for step in range(over)]
        want(all(0 <= factor <= 1 for factor in factors), "a factor leaves 0 to 1")
        want(max(factors) > 0, f"with {steps} steps the rate is always 0")


def losses_stack(trick: type[Trick], bench: Bench) -> None:
    """The losses of two models at once are those of each."""
    if not trick.stacks:
        return  # declared: each model of an arm has to be trained by itself
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 6, 10, generator=draw)
    y = torch.softmax(torch.randn(2, 6, 10, generator=draw), dim=-1)
    if trick.changes("loss"):
        both = made(trick).loss(logits, y)
        want(both.shape == (2, 6), f"loss gives {tuple(both.shape)} for (2, 6, 10), not (2, 6)")
        each = torch.stack([made(trick).loss(logits[i], y[i]) for i in (0, 1)])
        want(torch.allclose(both, each, atol=1e-5), "two models at once have another loss than one")
    if trick.changes("batch_loss"):
        means = torch.tensor([0.05, 0.7])
        each = torch.stack([made(trick).batch_loss(mean) for mean in means])
        same = torch.allclose(made(trick).batch_loss(means), each, atol=1e-5)
        want(same, "batch_loss mixes two models")


def batches_stack(trick: type[Trick], bench: Bench) -> None:
    """A batch for two models is one for each."""
    if not trick.changes("batch") or not trick.stacks:
        return
    draw = torch.Generator().manual_seed(0)
    y = torch.softmax(torch.randn(2, 6, 10, generator=draw), dim=-1)
    channels = bench.channels(trick)
    x = torch.randn(2, 6, channels, 8, 8, generator=draw)

    def batch(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return made(trick, channels).batch(x.clone(), y.clone(), torch.Generator().manual_seed(1))

    new_x, new_y = batch(x, y)
    for i in (0, 1):
        part_x, part_y = batch(x[i], y[i])
        same = torch.allclose(new_x[i], part_x, atol=1e-5)
        same &= torch.allclose(new_y[i], part_y, atol=1e-5)
        want(same, "draw for each example, not for each model; or declare stacks = False")
    sums = new_y.sum(dim=-1)
    want(torch.allclose(sums, torch.ones_like(sums), atol=1e-5), "labels must sum to 1")


def activation_is_its_response(trick: type[Trick], bench: Bench) -> None:
    """An activation looks at each number alone and is what response() says."""
    if trick.slot is not Slot.ACTIVATION:
        return
    made_of = trick().network(spec())
    if made_of.pieces > 1:
        return  # it looks at several outputs at once, and has no curve
    layer = made_of.activation().eval()
    x = torch.linspace(-4, 4, 24)
    with torch.no_grad():
        out = layer(x)
        together = layer(x.reshape(2, 3, 4)).flatten()
    want(torch.allclose(together, out, atol=1e-6), "the activation mixes numbers")
    want(trick.changes("response"), "def response(self, x: float) -> float is missing")
    said = torch.tensor([trick().response(float(one)) for one in x])
    want(torch.allclose(said, out, atol=1e-5), "response() is not what the module computes")


def loss_is_its_curve(trick: type[Trick], bench: Bench) -> None:
    """loss_at(p) is the loss of an example with probability p for its class."""
    if trick.slot is Slot.LOSS:
        want(trick.changes("loss_at"), "def loss_at(self, p: float) -> float is missing")
    if not trick.changes("loss_at"):
        return
    y = torch.eye(10, dtype=torch.float64)[:1]
    for p in (0.02, 0.1, 0.5, 0.9, 0.99):
        rest = torch.full((1, 10), (1 - p) / 9, dtype=torch.float64)
        rest[0, 0] = p
        logits = rest.log()
        plain = cross_entropy(logits, y, reduction="none")
        one = made(trick)
        loss = one.loss(logits, y) if trick.changes("loss") else plain
        if trick.changes("batch_loss"):
            loss = one.batch_loss(loss.mean()).reshape(1)
        same = math.isclose(float(loss), one.loss_at(p), rel_tol=1e-4, abs_tol=1e-5)
        want(same, f"loss_at({p}) is {one.loss_at(p):.5g} and the loss {float(loss):.5g}")


# The runs.


def neutral_is_the_baseline(trick: type[Trick], bench: Bench) -> None:
    """With its neutral values a trick is the baseline."""
    knobs = {one.name: one.neutral for one in trick.knobs() if one.neutral is not None}
    if not knobs and not trick.is_default:
        return  # it has no neutral value: it is always a change
    mine, plain = bench.run(trick, knobs), bench.run(None, of=trick)
    if trick.changes("batch") or trick.changes("loss"):  # labels become probabilities: rounding
        want(mine.rounds_to(plain), "at its neutral values the curve is not the baseline's")
    else:
        same = mine.points == plain.points
        want(same, "at its neutral values the curve is not the baseline's bit for bit")


def same_seed_same_curve(trick: type[Trick], bench: Bench) -> None:
    """The same seed gives the same curve, and the network learns."""
    one = bench.run(trick)
    state, steps = one.outcome.state, one.outcome.steps
    if trick.learns:
        want(state == "done" and steps == STEPS, f"it {state} after {steps} of {STEPS} steps")
        found = one.outcome.metrics["test_accuracy"]
        want(found > CHANCE, f"it learned {found:.2f} of a tiny task: declare learns = False if so")
    same = one.points == bench.run(trick, again=True).points
    want(same, "two runs with one seed differ: draw from the rng that the hook is given")


def works_in_its_networks(trick: type[Trick], bench: Bench) -> None:
    """It trains in the networks it names, and is refused in the others."""
    want(trick.kinds, "kinds is empty")
    for kind in ("mlp", "cnn", "resnet"):
        if kind not in trick.kinds:
            try:
                bench.run(trick, kind=kind, steps=2)
            except ExperimentError:
                continue
            raise Broken(f"kinds leaves {kind} out, and yet it is not refused there")
        one = bench.run(trick, kind=kind, steps=2)
        state, steps = one.outcome.state, one.outcome.steps
        want(steps == 2, f"{kind}: it ended after {steps} of 2 steps")
        want(state == "done" or not trick.learns, f"{kind}: it {state} after {steps} steps")
        values = [point.value for point in one.points]
        want(all(map(math.isfinite, values)), f"{kind}: a number is not finite")


def changes_the_curve(trick: type[Trick], bench: Bench) -> None:
    """It changes something: with its defaults, or with its knobs at an end."""
    plain = bench.run(None, of=trick).points
    if trick.is_default:
        want(bench.run(trick).points == plain, "is_default, and yet the curve is another one")
        return
    regime = trick.card.regime
    ends = [{}, dict(regime.knobs) if regime else {}]
    ends += [{one.name: getattr(one, end) for one in trick.knobs()} for end in ("high", "low")]
    changed = any(bench.run(trick, knobs).points != plain for knobs in ends)
    want(changed, "neither its defaults nor its knobs at an end change the curve")


def tells_what_it_did(trick: type[Trick], bench: Bench) -> None:
    """acted() and report() are numbers that make sense."""
    told = bench.run(trick).outcome.report.get("tricks", {}).get(trick.id(), {})
    try:
        json.dumps(told, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Broken(f"report() is no JSON data: {error}") from error
    acted = told.get("acted")
    if acted is not None:
        times, of, what = acted["times"], acted["of"], acted["what"]
        want(isinstance(times, int) and isinstance(of, int), "acted() counts in whole numbers")
        want(0 <= times <= of, f"acted() says {times} of {of}")
        want(what.strip() and not what.endswith("."), "acted().what reads: 0 of 60 {what}")


def same_points(mine: Told, theirs: Told, where: str, remedy: str) -> None:
    """Two curves, each with words for how it came about, have the same points."""
    (one_curve, how), (other_curve, otherwise) = mine, theirs
    ours, others = (sorted(one.points, key=repr) for one in (one_curve, other_curve))
    for one, other in zip(ours, others, strict=False):
        want(
            repr(one) == repr(other),
            f"{where}, {one.key} at step {one.step} is {one.value!r} {how}, {other.value!r} "
            f"{otherwise}: {remedy}",
        )
    counts = f"{len(ours)} points {how}, {len(others)} {otherwise}"
    want(len(ours) == len(others), f"{where}, there are {counts}")


def goes_on_as_if_never_interrupted(trick: type[Trick], bench: Bench) -> None:
    """A run that was broken off goes on from its checkpoint to the same curve."""
    for kind in trick.kinds:
        whole = bench.run(trick, kind=kind)
        parts = bench.interrupted(trick, kind, BROKEN_OFF)
        same_points(
            (parts, "after an interruption"), (whole, "without"), f"in a {kind}",
            "what training changes must be an attribute of the trick, of the network or of the "
            "optimizer",
        )  # fmt: skip
        ends = [
            {key: repr(value) for key, value in one.outcome.metrics.items() if key not in TIMES}
            for one in (parts, whole)
        ]
        want(
            ends[0] == ends[1], f"after an interruption the run ends with {ends[0]}, not {ends[1]}"
        )


def stacks_to_the_same_curve(trick: type[Trick], bench: Bench) -> None:
    """Its seeds trained as one program give the curves of each alone."""
    for kind in trick.kinds:
        both = bench.stacked(trick, kind)
        if both is None:
            continue  # there is a reason, which stackable tells
        for seed, alone, stacked in zip(SEEDS, *both, strict=True):
            where = f"in a {kind}, with seed {seed}"
            same_points(
                (stacked, "in a stack"), (alone, "alone"), where,
                "keep what a run knows out of loss() and factor(), or declare stacks = False",
            )  # fmt: skip
            ends = repr(stacked.end()), repr(alone.end())
            want(
                ends[0] == ends[1],
                f"{where}, a stack ends with {ends[0]}, a run alone with {ends[1]}",
            )


LAWS: list[Law] = [
    is_named_after_its_file,
    has_a_name_of_its_own,
    card_is_complete,
    speaks_chinese,
    rules_name_what_exists,
    rules_say_whole_sentences,
    knobs_are_explained,
    knobs_refuse_nonsense,
    instances_travel,
    regime_is_an_experiment,
    rates_are_sane,
    losses_stack,
    batches_stack,
    activation_is_its_response,
    loss_is_its_curve,
    same_seed_same_curve,
    neutral_is_the_baseline,
    changes_the_curve,
    works_in_its_networks,
    tells_what_it_did,
    goes_on_as_if_never_interrupted,
    stacks_to_the_same_curve,
]
