"""Numbers in words: the minus is a minus, a percent has a space, points are points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainer.sentences import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Sequence

MINUS = "−"
NOTHING = "–"


def number(value: float, digits: int = 1, *, signed: bool = False) -> str:
    """-0.31 to one digit, with a true minus; ``signed`` gives gains a plus. No negative zero."""
    rounded = round(value, digits)
    text = f"{abs(rounded):,.{digits}f}"
    if rounded < 0:
        return MINUS + text
    return f"+{text}" if signed and rounded > 0 else text


def points(difference: float, digits: int = 1, *, unit: bool = False) -> str:
    """A difference of two fractions in signed points: 0.093 is ``+9.3``, or ``+9.3 points``."""
    text = number(100 * difference, digits, signed=True)
    return f"{text} points" if unit else text


def percent(fraction: float, digits: int = 1) -> str:
    """0.831 as ``83.1 %``."""
    return f"{number(100 * fraction, digits)} %"


def short(value: float, figures: int = 4) -> str:
    """A setting as one would write it: ``0.1``, ``0.001``, ``1,024``."""
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value):,}".replace("-", MINUS)
    return f"{value:.{figures}g}".replace("-", MINUS)


def significant(value: float, figures: int = 2) -> int:
    """How many decimals show ``value`` with that many figures."""
    if not value or not math.isfinite(value):
        return figures
    return max(0, figures - 1 - math.floor(math.log10(abs(value))))


def p_value(p: float) -> str:
    """``.023``, as statistics writes it; below a thousandth ``< .001``."""
    if p < 0.001:
        return "< .001"
    return "1" if p >= 0.9995 else f"{p:.3f}".lstrip("0")


def p_sentence(p: float) -> str:
    """``p = .023`` or ``p < .001``."""
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def seconds(value: float) -> str:
    """A duration: ``2.4 s``, ``40 s``, ``3 min 20 s``, ``25 min``, ``2 h 10 min``, ``3 d 4 h``."""
    if value < 9.95:
        return f"{value:.1f} s".replace(".0 s", " s")
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def size(value: int) -> str:
    """Bytes, for memory: ``41 MB``, ``1.4 GB``."""
    return f"{value / 1e6:,.0f} MB" if value < 999.5e6 else f"{value / 1e9:,.1f} GB"


def about(value: float) -> str:
    """An estimate, no finer than it is: ``about 18 s``, ``about 3 min``."""
    if value < 20:
        return f"about {max(1, math.ceil(value))} s"
    if value < 90:
        return f"about {5 * math.ceil(value / 5)} s"
    if value < 600:
        return f"about {seconds(60 * math.ceil(value / 60))}"
    return f"about {seconds(value)}"


def count(n: int, one: str, many: str | None = None) -> str:
    """``1 run``, ``1,024 runs``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(names: Sequence[str], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def seeds(given: Sequence[int]) -> str:
    """``0 to 7`` for seeds without a gap, else ``0, 3 and 5``."""
    first = sorted(given)
    if len(first) > 2 and first == list(range(first[0], first[-1] + 1)):
        return f"{first[0]} to {first[-1]}"
    if len(first) > 8:
        return f"{', '.join(map(str, first[:6]))} and {len(first) - 6} more"
    return listed([str(one) for one in first])


def between(low: int, high: int) -> str:
    """How many where it differs: ``8``, ``4 or 5``, ``3 to 8``."""
    return {0: f"{high}", 1: f"{low} or {high}"}.get(high - low, f"{low} to {high}")


def spelled(n: int) -> str:
    """``three``; from thirteen on in digits."""
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else f"{n:,}"
