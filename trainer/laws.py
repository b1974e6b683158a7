"""The laws that every trick keeps, one's own included, before it has a test of its own.

A law is a function of a trick and a bench that raises :class:`Broken` with what is wrong and how
to mend it. Its name and the first line of its docstring say what it is about.
"""

from __future__ import annotations

import json
import math
import pickle
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch.nn.functional import cross_entropy

from trainer.experiment import ExperimentError, parse
from trainer.lawbench import NETWORKS as NETWORKS
from trainer.lawbench import STEPS, many_facts, spec, tools
from trainer.lawbench import Bench as Bench
from trainer.regimes import try_it
from tricks import catalog
from tricks.base import Slot, Trick
from tricks.own import FAMILY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Law = Callable[[type[Trick], Bench], None]

LONGEST_CLAIM = 90
CHINESE = re.compile(r"[\u4e00-\u9fff]")
CHANCE = 0.3  # of ten classes 0.1 ± 0.014 is chance
HARMLESS = {"0.5": "0.5", "True": True, "a list": [1]}


class Broken(Exception):
    """A trick breaks a law; the text says how, and what to do."""


class Finding(NamedTuple):
    """What came of one law: ``problem`` is None if it is kept."""

    law: str
    problem: str | None


def want(condition: object, otherwise: str) -> None:
    if not condition:
        raise Broken(otherwise)


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


# The card and the knobs.


def is_named_after_its_file(trick: type[Trick], bench: Bench) -> None:
    """The class is called like the file."""
    letters = trick.id().replace("_", "")
    want(
        trick.__name__.lower() == letters,
        f"the class is {trick.__name__} and the file {trick.id()}.py: call it "
        f"{''.join(part.capitalize() for part in trick.id().split('_'))}",
    )


def has_a_name_of_its_own(trick: type[Trick], bench: Bench) -> None:
    """No other card has its titles."""
    for one in catalog().values():
        if one.id() != trick.id():
            for part in ("title", "title_zh"):
                same = getattr(one.card, part).casefold() == getattr(trick.card, part).casefold()
                want(not same, f"{part} {getattr(trick.card, part)!r} is also that of {one.id()}")


def card_is_complete(trick: type[Trick], bench: Bench) -> None:
    """The card says everything."""
    card = trick.card
    for part in ("title", "claim", "claimed_by", "when", "watch_out", "formula", "cost"):
        want(getattr(card, part).strip(), f"{part} is empty")
    length = len(card.claim)
    want(length <= LONGEST_CLAIM, f"claim has {length} characters; {LONGEST_CLAIM} fit two lines")
    for part in ("claim", "watch_out"):
        want(getattr(card, part).endswith("."), f"{part} must be whole sentences that end with .")
    want(
        card.formula.count("{") == card.formula.count("}"),
        "formula opens and closes a different number of braces",
    )
    sides = [len(re.findall(rf"\\{side}(?![a-z])", card.formula)) for side in ("left", "right")]
    want(sides[0] == sides[1], r"formula has a different number of \left and \right")
    paper = card.paper
    want(paper.authors and paper.title, "paper needs authors and a title")
    want(1600 < paper.year < 2100, f"paper.year is {paper.year}")
    want(paper.arxiv or paper.where, "paper needs arxiv or where, so that it can be found")
    want(
        paper.arxiv is None or re.fullmatch(r"\d{4}\.\d{4,5}", paper.arxiv),
        f"paper.arxiv is the bare id, as 1710.09412, not {paper.arxiv}",
    )
    want(
        card.published is None or re.search(r"\d", card.published),
        "published has no number in it: leave it out",
    )


def speaks_chinese(trick: type[Trick], bench: Bench) -> None:
    """The card is there in Chinese too."""
    card = trick.card
    if trick.family() == FAMILY:
        want(card.title_zh.strip(), "title_zh is empty; a trick of one's own may repeat the title")
        return
    want(CHINESE.search(card.title_zh), "title_zh has no Chinese characters")
    want(card.zh is not None, "zh is missing: zh=Chinese(claim=, when=, watch_out=)")
    for part in ("claim", "when", "watch_out"):
        want(CHINESE.search(getattr(card.zh, part)), f"zh.{part} has no Chinese characters")
    if "the thread" in card.claimed_by:
        want(card.thread, "claimed_by names the thread: quote it in thread=")
    if card.thread is not None:
        words = card.thread.split()
        want(
            CHINESE.search(card.thread) or 0 < len(words) <= 3,
            "thread holds the thread's own words: Chinese, or a term of up to three words",
        )


def rules_name_what_exists(trick: type[Trick], bench: Bench) -> None:
    """Rules name tricks and slots that there are."""
    known = {*catalog(), *(f"slot:{slot}" for slot in Slot)}
    for rule in trick.card.rules:
        for name in (rule.other, rule.unless):
            want(name is None or name in known, f"a rule names {name}, which does not exist")
        want(rule.other != trick.id(), "a rule names its own trick; leave other out")


def rules_say_whole_sentences(trick: type[Trick], bench: Bench) -> None:
    """Whatever the setup, a rule fills its text or keeps quiet."""
    for facts in many_facts():
        for rule in trick.card.rules:
            for other in others(rule.other):
                numbers = rule.when(trick(), other, facts)
                if numbers is None:
                    continue
                want(rule.title.format(**numbers).strip(), "a rule's title is empty")
                reason = rule.reason.format(**numbers)
                want(reason.endswith("."), f"a rule's reason must end with a period: {reason}")


def others(wanted: str | None) -> list[Trick | None]:
    if wanted is None:
        return [None]
    return [one() for one in catalog().values() if wanted in (one.id(), f"slot:{one.slot}")]


def knobs_are_explained(trick: type[Trick], bench: Bench) -> None:
    """Every knob has a range, a help and a symbol."""
    for one in trick.knobs():
        want(
            not hasattr(Trick, one.name), f"{one.name} is a moment's name: call the knob otherwise"
        )
        want(one.help and one.symbol, f"{one.name} needs help and symbol")
        want(one.low < one.high, f"{one.name} goes from {one.low} to {one.high}")
        for kind in ("default", "neutral"):
            value = getattr(one, kind)
            inside = value is None or one.low <= value <= one.high
            want(inside, f"{one.name}'s {kind} {value} is out of its range")
        want(not one.log or one.low > 0, f"{one.name} is logarithmic, so low must be above 0")
        for value in (one.low, one.high, one.default):
            held = trick(**{one.name: value}).values()[one.name]
            want(held == value, f"{one.name} was given {value} and holds {held}")


def knobs_refuse_nonsense(trick: type[Trick], bench: Bench) -> None:
    """A value out of range is refused by name."""
    for one in trick.knobs():
        wrong: list[Any] = [one.low - 1, one.high + 1, math.nan, math.inf, *HARMLESS.values()]
        wrong += [one.low + 0.5] if one.integer else []
        wrong += [None] if one.default is not None else []
        for value in wrong:
            try:
                trick(**{one.name: value})
            except ValueError as error:
                named = str(error).startswith(f"{trick.id()}.{one.name} goes from")
                want(named, f"{one.name} = {value!r} is refused with {error}")
            else:
                raise Broken(
                    f"{one.name} takes {value!r}: a __post_init__ must call super().__post_init__()"
                )


def instances_travel(trick: type[Trick], bench: Bench) -> None:
    """An instance survives pickling."""
    one = trick()
    want(pickle.loads(pickle.dumps(one)) == one, "its copy differs: is it a @dataclass?")


def regime_is_an_experiment(trick: type[Trick], bench: Bench) -> None:
    """What Try it opens can be launched."""
    regime = trick.card.regime
    if regime is not None:
        named = {*regime.beside, *regime.baseline}
        want(trick.id() not in named, "regime names its own trick in beside or baseline")
        want(named <= set(catalog()), f"regime names {', '.join(named - set(catalog()))}")
        known = {one.name: one for one in trick.knobs()}
        for name, value in regime.knobs.items():
            problem = known[name].check(value) if name in known else "is no knob of this trick"
            want(problem is None, f"regime.knobs: {name} {problem}")
    elif trick.family() != FAMILY:
        raise Broken("regime is missing: regime=Regime(setup={...}) where the effect shows")
    experiment = parse({key: val for key, val in try_it(trick, {}).items() if key != "design"})
    want(len(experiment.arms) > 1, "it compares nothing: name other tricks in regime.beside")
    want(experiment.setup.device == "auto", "regime.setup must leave the device to the machine")


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
    if any(knob.name == "lr" for knob in trick.knobs()):
        shown = trick(lr=0.0123).rate(0.1) if trick.changes("rate") else None  # type: ignore[call-arg]
        want(shown == 0.0123, "a trick with a knob lr shows it: def rate(self, lr): return self.lr")
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
]
