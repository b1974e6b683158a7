"""The verdict in words: the sentence under an experiment's title, as Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainer.experiment import Experiment
    from trainer.statistics import Comparison, Verdict

JOINER = "\u2060"  # no width, and no word goes on behind it
LINES = re.compile(r"\s*[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]\s*")
# What Streamlit's pages turn into links, icons and signs wherever it stands, escaped or not.
LATE = re.compile(
    r"https?(?=:)|www(?=\.)|@(?=[-\w])|:(?=material/|streamlit:)|-(?=[->])|<(?=-)|[<>~](?==)",
    re.IGNORECASE,
)
BEGINNING = re.compile(r"\A(\s*\d*)([-+=.)](?:\s|\Z))")  # of a list, a rule, a heading
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def sentence(
    experiment: Experiment,
    comparisons: Sequence[Comparison],
    diverged: Mapping[str, int] | None = None,
    *,
    state: Literal["running", "paused", "stopped", "done"] = "done",
    complete: int | None = None,
) -> str:
    """What is known now, one or more sentences.

    ``diverged`` counts the diverged runs by arm, ``complete`` the seeds finished in every arm (by
    default those that all comparisons share). Nothing is claimed before the end or after a stop.
    """
    if complete is None:
        complete = shared_seeds(comparisons)
    seeds = len(experiment.seeds)
    are = f"{complete} of {seeds} seeds {'is' if complete == 1 else 'are'} complete"
    if state == "running":
        return f"Too early for a verdict: {are} in every arm."
    if state in ("stopped", "paused"):
        return f"{capital(state)}: {are}. No verdict."
    said = verdicts(experiment, comparisons) + divergences(experiment, comparisons, diverged or {})
    return " ".join(said)


def shared_seeds(comparisons: Sequence[Comparison]) -> int:
    """How many seeds are complete in every arm."""
    sets = [set(one.seeds) for one in comparisons]
    return len(set.intersection(*sets)) if sets else 0


def verdicts(experiment: Experiment, comparisons: Sequence[Comparison]) -> list[str]:
    """A sentence for every word that was given, the strongest first."""
    if not comparisons:
        return ["The baseline alone: there is nothing to compare it with."]
    if all(one.verdict == "anecdote" for one in comparisons):
        return ["One seed is an anecdote: these curves show what can happen, not what helps."]
    few = [one for one in comparisons if one.verdict == "too_few_seeds"]
    need = f"{comparisons[0].needed} that {how_many(experiment, comparisons)}"
    if len(few) == len(comparisons) and len({one.n for one in few}) == 1:
        return [f"Too few seeds for a verdict: {few[0].n} of the {need}."]

    def named(verdict: Verdict) -> list[str]:
        return [one.arm for one in comparisons if one.verdict == verdict]

    said = []
    if arms := named("better"):
        said.append(f"{listed(arms)} {be(arms)} better than the baseline.")
    if arms := named("worse"):
        than = "" if said else " than the baseline"
        said.append(f"{listed(arms)} {be(arms)} worse{than}.")
    if arms := named("not_resolved"):
        said.append(f"{listed(arms)} {be(arms)} not resolved.")
    if arms := named("no_difference"):
        said.append(no_difference(experiment, arms, comparisons[0].margin))
    said += [
        f"{listed([one.arm])} has too few seeds for a verdict: "
        f"{one.n} of the {one.needed} that {how_many(experiment, comparisons)}."
        for one in few
    ]
    if arms := named("anecdote"):
        said.append(f"{listed(arms)} {'has' if len(arms) == 1 else 'have'} one seed: an anecdote.")
    return said


def no_difference(experiment: Experiment, arms: list[str], margin: float) -> str:
    verb = "differs" if len(arms) == 1 else "differ"
    if margin == 0:
        return f"{listed(arms)} {verb} in nothing from the baseline."
    size = f"{margin:.2g}"
    if experiment.metric == "test_accuracy":
        points = 100 * margin
        size = f"{points:.1f} points" if points >= 0.1 else f"{points:.1g} points"
    return f"{listed(arms)} {verb} by less than {size} from the baseline."


def divergences(
    experiment: Experiment, comparisons: Sequence[Comparison], diverged: Mapping[str, int]
) -> list[str]:
    """Which arms diverged, and over which seeds the differences go."""
    seeds = len(experiment.seeds)
    said = []
    for arm in experiment.arms:
        count = diverged.get(arm.name, 0)
        if count:
            who = listed([arm.name])
            if arm is experiment.baseline and arm.name == "baseline":
                who = "The **baseline**"
            said.append(f"{who} diverged in {'all ' if count == seeds else ''}{of(count, seeds)}")
    if not said:
        return []
    left = {one.n for one in comparisons}
    if not left or left == {0}:
        use = "no seed is complete in both arms"
    elif len(left) == 1 and (n := left.pop()):
        use = f"differences use the {n} seed{'' if n == 1 else 's'} complete in both arms"
    else:
        use = "differences use the seeds complete in both arms"
    return ["; ".join([*said[:-1], f"{said[-1]}; {use}."])]


def of(count: int, seeds: int) -> str:
    if count == seeds:
        return f"{seeds} runs" if seeds > 1 else "its one run"
    return f"{count} of {seeds} runs"


def how_many(experiment: Experiment, comparisons: Sequence[Comparison]) -> str:
    """ "three tricks need"; arms when one of them holds several tricks."""
    count = len(comparisons)
    single = all(len(arm.tricks) == 1 for arm in experiment.arms[1:])
    word = NUMBERS[count] if count < len(NUMBERS) else str(count)
    noun = "trick" if single else "arm"
    return f"{word} {noun} needs" if count == 1 else f"{word} {noun}s need"


def be(arms: Sequence[str]) -> str:
    return "is" if len(arms) == 1 else "are"


def listed(arms: Sequence[str]) -> str:
    """**Mixup**, **dropout** and **Mish**: bold, the first with a capital letter."""
    names = [f"**{escape(name)}**" for name in (capital(arms[0]), *arms[1:])]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def capital(name: str) -> str:
    """A capital where the name is running text; "w2" and "tanh+BN" are not."""
    first = name.split()[0] if name.split() else name
    return (
        name[0].upper() + name[1:] if first.replace("-", "").isalpha() and first.islower() else name
    )


def escape(name: str) -> str:
    """A person's own text on one line, so that it is shown as typed and nothing in it is Markdown.

    A backslash is not enough where a page looks for addresses, icons and arrows in what the
    Markdown has become. There a sign that nobody sees keeps their letters apart.
    """
    line = re.sub(r"\A[ \t]+", " ", LINES.sub(" ", name))
    apart = LATE.sub(rf"\g<0>{JOINER}", line)
    marked = re.sub(r"([\\`*_{}\[\]<>#|~$:^&])", r"\\\1", apart)
    return BEGINNING.sub(r"\1\\\2", marked)


def plain(markdown: str) -> str:
    """A sentence without its Markdown."""
    return re.sub(r"\\(.)", r"\1", markdown.replace("**", "").replace(JOINER, ""))
