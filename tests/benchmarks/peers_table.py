"""What ``peers.py`` prints."""

from __future__ import annotations

from typing import Any

NAMES = {
    "by hand": "resident loop by hand",
    "tutorial": "tutorial loop, DataLoader",
    "lightning": "Lightning",
    "fastai": "fastai",
    "skorch": "skorch",
    "engine": "Trickboard",
}


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
            "of by hand", "the same by processor time",
        ]  # fmt: skip
        lines += ["", one["title"], "", *head(heads)]
        hand = one["rows"]["by hand"]
        for name, row in one["rows"].items():
            figures = [
                NAMES[name],
                f"{row['training']:,.0f}",
                f"{row['training'] / hand['training']:.2f}",
                f"{row['all']:,.0f}",
                f"{row['all'] / hand['all']:.2f}",
                f"{row['processor'] / hand['processor']:.2f}",
            ]
            lines.append(f"| {' | '.join(figures)} |")
        heads = [
            f"{runs} trainings, s", "one after another", "Trickboard", "two at a time",
            "Trickboard", "without the start: one after another", "Trickboard", "two at a time",
            "Trickboard",
        ]  # fmt: skip
        lines += ["", *head(heads)]
        ours = one["rows"]["engine"]
        for name, row in one["rows"].items():
            figures = [NAMES[name]]
            for warm in ("", "_warm"):
                took = ours[f"two_processes{warm}"]
                for processes in ("one_process", "two_processes"):
                    seconds = row[processes + warm]
                    if name != "engine":
                        figures += [f"{seconds:.1f}", f"{seconds / took:.1f} x"]
                    else:
                        figures += [""] * 2 if processes == "one_process" else [f"{took:.1f}", ""]
            lines.append(f"| {' | '.join(figures)} |")
        most = max(row["apart"] for row in one["rows"].values())
        lines += [
            "",
            f"All but Trickboard trained {few} of the {runs} in each process and are extrapolated; "
            f"Trickboard's is the whole experiment from submit to verdict. Largest distance of a "
            f"test loss from the loop by hand: {most:.1g} (allowed {result['tolerance']:g}).",
        ]
    return "\n".join(lines)


def head(names: list[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
