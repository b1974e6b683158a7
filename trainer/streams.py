"""Random numbers: a generator for each purpose, so that what one draws shifts no other."""

from __future__ import annotations

import hashlib

import torch


def number(seed: int, purpose: str) -> int:
    """The seed of one purpose of a run, 0 to 2^63 - 1."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator of its own for one purpose of a run: "data", "init", "order", a trick."""
    return torch.Generator().manual_seed(number(seed, purpose))
