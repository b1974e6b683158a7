"""What ``peers.py`` prints."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

NAMES = {
    "by hand": "resident loop by hand",
    "tutorial": "tutorial loop, DataLoader",
    "lightning": "Lightning",
    "fastai": "fastai",
    "skorch": "skorch",
    "engine": "Trickboard",
}


def processor() -> str:
    """Its name, as the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def table(result: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    lines = [
        f"{result['processor']}, {result['cores']} cores, load {result['load']:.1f} before; "
        f"Python {result['python']}, {versions}; medians of {result['repeats']}",
    ]
    for one in result["workloads"].values():
        few, runs = one["trainings"], result["runs"]
        heads = [
            "", "samples/s, training alone", "of by hand", "with judging, logs and report",
            "of by hand", "the same by processor time", f"{runs} trainings, s", f"{runs}, two at a time, s",
            "Trickboard is faster by",
        ]  # fmt: skip
        lines += ["", one["title"], "", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
        hand, ours = one["rows"]["by hand"], one["rows"]["engine"]["two_processes"]
        for name, row in one["rows"].items():
            engine = name == "engine"
            figures = [
                NAMES[name],
                f"{row['training']:,.0f}",
                f"{row['training'] / hand['training']:.2f}",
                f"{row['all']:,.0f}",
                f"{row['all'] / hand['all']:.2f}",
                f"{row['processor'] / hand['processor']:.2f}",
                "" if engine else f"{row['one_process']:.1f}",
                f"{row['two_processes']:.1f}",
                "" if engine else f"{row['two_processes'] / ours:.1f} x",
            ]
            lines.append(f"| {' | '.join(figures)} |")
        most = max(row["apart"] for row in one["rows"].values())
        lines += [
            "",
            f"All but Trickboard trained {few} of the {runs} in each process and are extrapolated; "
            f"Trickboard's is the whole experiment from submit to verdict. Largest distance of a "
            f"test loss from the loop by hand: {most:.1g} (allowed {result['tolerance']:g}).",
        ]
    return "\n".join(lines)
