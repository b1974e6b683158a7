"""What ``pages.py`` prints."""

from __future__ import annotations

from typing import Any


def table(result: dict[str, Any]) -> str:
    heads = ["finished runs", "seconds", "longest task, s (of processor)", "page's processor, s",
             "data, MB", "requests", "server, s", "again, s"]  # fmt: skip
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for runs, one in result["opening"].items():
        first = one["first"]
        lines.append(
            f"| {runs} | {first['seconds']:.2f} | {first['longest_task']:.3f} "
            f"({first['longest_processor']:.3f}) | {first['page_processor']:.2f} | "
            f"{first['data_mb']:.2f} | {first['requests']:.0f} | {first['server']:.3f} | "
            f"{one['again']['seconds']:.2f} |"
        )
        for name, other in (("2, same server", "one_run"), ("a Streamlit title", "bare")):
            alone = one[other]
            lines.append(
                f"| ({name}) | {alone['seconds']:.2f} | {alone['longest_task']:.3f} "
                f"({alone['longest_processor']:.3f}) | {alone['page_processor']:.2f} | "
                f"{alone['data_mb']:.2f} | {alone['requests']:.0f} | | |"
            )
    for name, one in result["live"].items():
        lines.append(
            f"{name}: a new point after {one['latency']:.2f} s (95 %: {one['latency_95']:.2f}, "
            f"n = {one['points']}); update {1000 * one['update']:.0f} ms of the server "
            f"(95 %: {1000 * one['update_95']:.0f}; of its processor "
            f"{1000 * one['update_processor']:.0f}), {one['updates_per_second']:.1f} a second, "
            f"{one['server_cores']:.2f} cores, {one['mb_per_second']:.2f} MB/s, longest task "
            f"{one['longest_task']:.3f} s, blocked {one['blocked_share']:.2f}"
        )
    return "\n".join(lines)
