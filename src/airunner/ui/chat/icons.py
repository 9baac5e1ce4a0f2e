"""Buttons as HTML, for what is drawn as a whole: an icon, its name, and what it does.

Owns their form. A click on one is heard by the element around it, which finds in
``data-act`` what is meant.
"""

from __future__ import annotations

import html


def icon_html(name: str) -> str:
    """A Material icon, which is nothing to be read out."""
    return f'<i class="q-icon notranslate material-icons" aria-hidden="true">{name}</i>'


def act_button(act: str, words: str, icon: str = "", **data: object) -> str:
    """A button that means ``act``; with an ``icon`` its words are only told, not shown."""
    facts = "".join(f' data-{key}="{html.escape(str(value))}"' for key, value in data.items())
    told = html.escape(words)
    name = f' aria-label="{told}" title="{told}"' if icon else ""
    kind = "act icon" if icon else "act"
    shown = icon_html(icon) if icon else told
    return f'<button type="button" class="{kind}" data-act="{act}"{facts}{name}>{shown}</button>'


ACTED = """(e) => {
  const button = e.target.closest("[data-act]");
  if (button) emit({...button.dataset});
}"""
"""The handler, in the browser, of clicks on what has such buttons in it."""
