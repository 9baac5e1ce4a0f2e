"""Markdown that others wrote, as HTML that is safe to show.

Owns which HTML can come of it: HTML in the text stays text, a picture from elsewhere is a
link, a link leads to the web and to nothing else. Formulas become MathML and code is
coloured here, so that a browser needs no library for it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

_WEB = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
_FROM_THE_RIGHT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
"""Hebrew, Arabic, Syriac and their like."""
_OWN_PICTURE = re.compile(r"/api/v1/[\w./%-]+")
_MATHML = "{http://www.w3.org/1998/Math/MathML}"
# As MathML Core has them; what follows links or runs is not among them.
_MATHML_NAMES = frozenset(
    (
        *("math", "mrow", "mi", "mo", "mn", "mtext", "ms", "mspace", "msqrt", "mroot", "mfrac"),
        *("mstyle", "merror", "mpadded", "mphantom", "menclose", "msub", "msup", "msubsup"),
        *("munder", "mover", "munderover", "mmultiscripts", "mprescripts", "none"),
        *("mtable", "mtr", "mtd"),
    )
)
_MATHML_ATTRIBUTES = frozenset(
    (
        *("display", "displaystyle", "mathvariant", "stretchy", "fence", "separator", "lspace"),
        *("rspace", "largeop", "movablelimits", "accent", "accentunder", "minsize", "maxsize"),
        *("linethickness", "columnalign", "rowalign", "columnspacing", "rowspacing", "width"),
        *("height", "depth", "notation", "scriptlevel", "symmetric", "form"),
    )
)
MOST_COLOURED = 60_000
"""Characters of code that are coloured; more is shown as it is."""
_MOST_FORMULA = 2_000


def blocks(text: str) -> list[str]:
    """The source of each top-level block of ``text``: paragraphs, lists, tables, code.

    Only the last one changes when text is added at the end.
    """
    lines = text.splitlines(keepends=True)
    starts = [
        token.map[0]
        for token in _reader().parse(text)
        if token.level == 0 and token.map is not None
    ]
    places = sorted({0, *starts})
    pieces = ["".join(lines[a:b]) for a, b in zip(places, [*places[1:], len(lines)], strict=True)]
    return [piece for piece in pieces if piece.strip()]


def rendered(text: str, most_coloured: int = MOST_COLOURED) -> str:
    """``text`` as HTML; code of more than ``most_coloured`` characters is shown as it is."""
    return str(_reader().render(text, {"most_coloured": most_coloured}))


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "linkify": False, "maxNesting": 40})
    reader.enable(["table", "strikethrough"])
    reader.use(
        dollarmath_plugin,
        renderer=_formula,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
    )
    reader.validateLink = lambda url: bool(_WEB.match(url))  # type: ignore[method-assign]
    for name, rule in (("fence", _code), ("code_block", _code), ("image", _picture)):
        reader.add_render_rule(name, rule)
    reader.add_render_rule("link_open", _link)
    reader.add_render_rule("table_open", _table_open)
    reader.add_render_rule("table_close", _table_close)
    reader.core.ruler.push("direction", _direction)
    return reader


def _direction(state: StateCore) -> None:
    """Let each block and cell be read from the side from which its script is read.

    What is within has no direction of its own: its words would not count for the whole.
    """
    if _FROM_THE_RIGHT.search(state.src):
        for token in state.tokens:
            is_cell = token.type in ("th_open", "td_open")
            if token.nesting == 1 and (token.level == 0 or is_cell):
                token.attrSet("dir", "auto")


def coloured(code: str, language: str, most: int = MOST_COLOURED) -> str:
    """Code with its words in spans of Pygments' classes, without anything around it."""
    if not language or len(code) > most:
        return html.escape(code)
    try:
        lexer = get_lexer_by_name(language, stripnl=False)
    except ClassNotFound:
        return html.escape(code)
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True)))


def code_block(code: str, language: str, most_coloured: int = MOST_COLOURED) -> str:
    """Code with its language and a button that copies it."""
    label = html.escape(language or "text")
    return (
        f'<figure class="code"><figcaption>{label}'
        '<button type="button" class="copy">Copy</button></figcaption>'
        f'<pre tabindex="0" aria-label="{label}"><code>'
        f"{coloured(code, language, most_coloured)}</code></pre>"
        "</figure>"
    )


def _code(
    _: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Mapping[str, Any]
) -> str:
    token = tokens[at]
    words = token.info.split()
    most = env.get("most_coloured", MOST_COLOURED)
    return code_block(token.content, words[0] if words else "", most)


def _picture(_: RendererHTML, tokens: Sequence[Token], at: int, *__: Any) -> str:
    token = tokens[at]
    source, words = str(token.attrGet("src") or ""), html.escape(token.content)
    if _OWN_PICTURE.fullmatch(source):
        return f'<img src="{html.escape(source)}" alt="{words}" loading="lazy">'
    if not _WEB.match(source):
        return words
    return f'<a href="{html.escape(source)}" {_OUTSIDE}>{words or "picture"}</a>'


_OUTSIDE = 'target="_blank" rel="noopener noreferrer nofollow"'


def _link(_: RendererHTML, tokens: Sequence[Token], at: int, *__: Any) -> str:
    return f'<a href="{html.escape(str(tokens[at].attrGet("href") or ""))}" {_OUTSIDE}>'


def _table_open(*_: Any) -> str:
    return '<div class="table" tabindex="0" role="group" aria-label="table"><table>'


def _table_close(*_: Any) -> str:
    return "</table></div>"


def _formula(source: str, options: Mapping[str, Any]) -> str:
    if len(source) <= _MOST_FORMULA:
        try:
            shown = convert(source, display="block" if options["display_mode"] else "inline")
            # The converter lets words through as they are, elements among them.
            if _is_mathml(parsed := fromstring(shown)):
                return tostring(_plain(parsed), encoding="unicode")
        except Exception:  # the library raises whatever its parser meets
            pass
    return f"<code>{html.escape(source)}</code>"


def _is_mathml(element: Element) -> bool:
    return all(each.tag.removeprefix(_MATHML) in _MATHML_NAMES for each in element.iter())


def _plain(element: Element) -> Element:
    """``element`` without the attributes that lead somewhere, or run something."""
    kept = {name: value for name, value in element.attrib.items() if name in _MATHML_ATTRIBUTES}
    plain = Element(element.tag.removeprefix(_MATHML), kept)
    plain.text, plain.tail = element.text, element.tail
    plain.extend(_plain(each) for each in element)
    return plain
