"""A piece of HTML in the colors of the arms, that follows the theme: see ``theme.js``."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

HERE = Path(__file__).parent
JS = """
const drawn = new WeakMap();
export default function ({ parentElement, data }) {
  const root = parentElement.querySelector('.tb-sheet');
  drawn.get(root)?.stop();
  // What somebody has opened stays open as long as the words are the same.
  if (drawn.get(root)?.html !== data.html) root.innerHTML = data.html;
  painted(root);
  const stop = onTheme(root, () => painted(root));
  drawn.set(root, { stop, html: data.html });
  return () => setTimeout(() => { if (!root.isConnected) stop(); });
}
"""

component = st.components.v2.component(
    "trickboard_sheet",
    html='<div class="tb-sheet"></div>',
    css=(HERE / "sheet.css").read_text("utf-8"),
    js=(HERE / "theme.js").read_text("utf-8") + JS,
    isolate_styles=False,
)


def sheet(html: str, *, key: str) -> None:
    """Draw it. Whoever makes the HTML escapes what people wrote."""
    component(key=key, data={"html": html})
