"""``python -m trainer COMMAND``; what the commands do is in ``commandline.py``."""

from __future__ import annotations

import sys

from trainer.executors import forkserver

TRAINS = {"run": False, "worker": True}  # commands that train, and whether they get the compiler


def main(arguments: list[str] | None = None) -> int:
    """Do what the arguments say; gives the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    trains = bool(given) and given[0] in TRAINS
    if trains:
        forkserver.begin(compiler=TRAINS[given[0]])
    try:
        from trainer.commandline import main as do  # a quarter of the time that runs need to load

        return do(given)
    finally:
        if trains:
            forkserver.end()


if __name__ == "__main__":
    sys.exit(main())
