"""Previews of the procedure tricks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pages.parts.previews import Draw

DRAWINGS: dict[str, Draw] = {}
