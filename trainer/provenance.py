"""With what a run was trained: versions and machine. Its report keeps them, and who shows a number
of the run can say where it comes from. Imports torch only in the process that trained.
"""

from __future__ import annotations

import platform
import tomllib
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainer import words
from trainer.experiment import ENGINE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


Made = dict[str, Any]  # what made_with gives
KEY = "made_with"  # of a run's report
ROOT = Path(__file__).resolve().parents[1]
UNKNOWN = "not recorded"
TITLES = {
    "trickboard": "Trickboard",
    "engine": "Engine",
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "python": "Python",
    "system": "System",
    "device": "Trained on",
    "processor": "Processor",
    "threads": "Threads",
}
# What may change a number or a second by itself.
MATTERS = ("trickboard", "engine", "torch", "torchvision", "numpy", "processor", "threads")


def made_with(device: str) -> Made:
    """Versions, device, its processor and the number of CPU threads of this process, by TITLES.

    ``processor`` is the name of the GPU where ``device`` is one, else of the CPU.
    """
    import torch

    return {
        "trickboard": project(),
        "engine": ENGINE,
        "torch": str(torch.__version__),
        "torchvision": installed("torchvision"),
        "numpy": installed("numpy"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "device": device,
        "processor": processor(device),
        "threads": torch.get_num_threads(),
    }


@lru_cache(maxsize=1)
def project() -> str:
    """The version of this Trickboard."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return str(tomllib.loads(text)["project"]["version"])


@lru_cache(maxsize=16)
def installed(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


@lru_cache(maxsize=16)
def processor(device: str = "cpu") -> str:
    """The name of a GPU, or the CPU's own, where the system tells it."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    told = Path("/proc/cpuinfo")
    if told.is_file():
        with told.open(encoding="utf-8") as lines:
            for line in lines:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    return platform.processor() or platform.machine() or "unknown"


def of_report(report: Mapping[str, Any] | None) -> Made | None:
    """What a run's report says it was made with; None: trained before reports said so."""
    found: Made | None = (report or {}).get(KEY)
    return found


def values(made: Sequence[Made | None], key: str) -> list[str]:
    """What these runs say of a key, in words and without repeats; the most frequent first."""
    told = [str(one[key]) for one in made if one and key in one]
    return sorted(dict.fromkeys(told), key=lambda value: -told.count(value))


def terms(made: Sequence[Made | None]) -> list[tuple[str, str]]:
    """Each title with what the runs say: ``("torch", "2.14.1")``; if they do, all they say."""
    told = [one for one in made if one]
    if not told:
        return [("Trained with", UNKNOWN)]
    rows = [(title, words.listed(values(told, key))) for key, title in TITLES.items()]
    rows = [(title, text) for title, text in rows if text]
    if missing := len(made) - len(told):
        rows.append(("Not recorded", f"for {missing} of {words.count(len(made), 'run')}"))
    return rows


def line(made: Sequence[Made | None]) -> str:
    """The same in one line: ``torch 2.14.1, numpy 2.3, Python 3.11.4; Xeon, 1 thread``."""
    told = [one for one in made if one]
    if not told:
        return UNKNOWN
    said = {key: words.listed(values(told, key)) for key in TITLES}
    versions = [f"{TITLES[key]} {said[key]}" for key in ("trickboard", "torch", "numpy", "python")]
    threads = f"{said['threads']} {'thread' if said['threads'] == '1' else 'threads'}"
    text = f"{', '.join(versions)}; {said['processor']}, {threads}; {said['system']}"
    missing = len(made) - len(told)
    return f"{text}; {UNKNOWN} for {words.count(missing, 'run')}" if missing else text


def unlike(made: Sequence[Made | None]) -> str:
    """A sentence if not all of these runs were trained with the same; empty if they were.

    A hint, no refusal: what was not recorded says nothing.
    """
    differing = [
        f"{TITLES[key]} {words.listed(found)}"
        for key in MATTERS
        if len(found := values(made, key)) > 1
    ]
    if not differing:
        return ""
    return (
        f"These runs were not all trained with the same: {'; '.join(differing)}. "
        "A part of a difference between them may come from that, and seconds do not compare."
    )
