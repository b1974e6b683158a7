"""Names and ids: what can be read, and what becomes of them in files and tables."""

from __future__ import annotations

import re
import unicodedata
from uuid import uuid4

from trainer.sentences import JOINER

UNSEEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}  # kinds of signs that show nothing by themselves
LONGEST = 80  # letters of a name
MOST_BYTES = 150  # of a part of a file's name: systems allow 255, and something is put behind it
# Signs that turn the direction of whatever follows them, and ends of lines that are no controls.
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069\u2028\u2029]")
# What makes a spreadsheet calculate; the wide forms do in some languages.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# What pandas and R read as no value at all: an arm of that name would be in no group of a table.
ABSENT = {"NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NULL", "null", "None", "nan",
          "NaN", "-nan", "-NaN"}  # fmt: skip
DIGITS = re.compile(r"\d+(e\d+)?")  # hex digits that pandas and spreadsheets read as a number
NUMBERED = {f"{port}{i}" for port in ("com", "lpt") for i in "0123456789¹²³"}
RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$", *NUMBERED}  # no file's on Windows


def readable(name: str) -> bool:
    """Whether a name shows something, on one line and in one direction."""
    kinds = {unicodedata.category(letter) for letter in name}
    return not kinds & {"Cc", "Cs"} and not TURNING.search(name) and bool(kinds - UNSEEN)


def tidied(text: str) -> str:
    """What a person typed or pasted as a name that is :func:`readable`; empty if nothing is."""
    whole = "".join(one for one in TURNING.sub("", text) if unicodedata.category(one) != "Cs")
    spaced = "".join(" " if unicodedata.category(one) == "Cc" else one for one in whole)
    plain = " ".join(spaced.split())[:LONGEST].strip()
    return plain if readable(plain) else ""


def cell(text: str) -> str:
    """A person's own words in a spreadsheet: never a formula, and never missing."""
    formula = text.lstrip(" \u00a0\u3000").startswith(FORMULA)
    return f"'{text}" if formula or text.strip() in ABSENT else text


def id_cell(id: str) -> str:
    """Hex digits in a table of text: never a number. 1265e740 is read as infinity."""
    return f"'{id}" if DIGITS.fullmatch(id) else id


def new_id() -> str:
    """8 hex digits that nobody had before, and that :func:`id_cell` leaves as they are."""
    while DIGITS.fullmatch(id := uuid4().hex[:8]):
        pass
    return id


def in_table(text: str) -> str:
    """The same in a page's table, whose own download knows no formulas: as typed, to the eye."""
    return text if cell(text) == text else f"{JOINER}{text}"


def in_file(name: str) -> str:
    """A part of a file's name that every system allows, as like the name as can be."""
    seen = "".join(one for one in name if unicodedata.category(one) not in ("Cc", "Cf", "Cs"))
    plain = re.sub(r'[<>:"/\\|?*]', "_", TURNING.sub("", seen))
    plain = plain.encode()[:MOST_BYTES].decode(errors="ignore").strip(" .") or "_"
    return f"_{plain}" if reserved(plain) else plain


def reserved(name: str) -> bool:
    """Whether Windows takes a file's name for a device."""
    return name.split(".")[0].strip().lower() in RESERVED
