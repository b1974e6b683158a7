"""The README's promises that a script can check, and its test command as it stands there.

python tests/readme.py                 checks links, the picture and the first screen
python tests/readme.py test-command    prints the command that tests everything
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUN = "pip install -r requirements.txt && streamlit run app.py"
FIRST_SCREEN = 30  # lines


def blocks(text: str) -> list[str]:
    """What stands in the code blocks of a shell."""
    return [block.strip() for block in re.findall(r"^```bash\n(.*?)^```$", text, re.M | re.S)]


def test_command(text: str) -> str:
    found = [block for block in blocks(text) if block.endswith("pytest")]
    if len(found) != 1:
        raise SystemExit(f"the README must name one test command, not {found}")
    return found[0]


def problems(text: str) -> list[str]:
    first = "\n".join(text.splitlines()[:FIRST_SCREEN])
    picture = re.search(r"!\[[^\]]+\]\(([^)]+)\)", first)
    found = []
    if blocks(first) != [RUN, test_command(text)]:
        found.append("the first screen must show two commands: run and test")
    if picture is None:
        found.append(
            "the first screen must show a picture, with a text for those who cannot see it"
        )
    if not re.search(r"^\|---", first, re.M):
        found.append("the first screen must show a table of measured results")
    if "TO MEASURE" in text:
        found.append("a number is still to be measured")
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not link.startswith("http") and not (ROOT / link).exists():
            found.append(f"{link} does not exist")
    return found


def main() -> int:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if sys.argv[1:] == ["test-command"]:
        print(test_command(text))
        return 0
    found = problems(text)
    print("\n".join(f"README.md: {one}" for one in found) or "README.md: fine")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
