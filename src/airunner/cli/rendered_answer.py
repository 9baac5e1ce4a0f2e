"""An answer on a terminal: Markdown, wrapped at words, block by block as it is written.

Owns where a text may be cut into blocks that stay as they are, and the looks of Markdown.
A block that is still being written belongs to the live region.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.padding import Padding
from rich.segment import Segment
from rich.syntax import Syntax
from rich.text import Text

from airunner.cli.live_region import LiveRegion
from airunner.cli.safe_text import safe

_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"\s{0,3}(?:[-*+]|\d{1,9}[.)])\s")


class RenderedAnswer:
    """Shows a text that arrives in pieces, on the console of ``region``."""

    def __init__(self, region: LiveRegion, console: Console) -> None:
        self._region, self._console = region, console
        self._open = self._last = ""

    def add(self, text: str) -> None:
        """A piece more."""
        self._open += safe(text)
        done, self._open = split_blocks(self._open)
        for block in done:
            self._print(block)
        self._region.text(rendered(self._open) if self._open.strip() else None)

    def finish(self) -> None:
        """Nothing more comes: what is still open is shown as it is."""
        rest, self._open = self._open, ""
        self._region.text(None)
        if rest.strip():
            self._print(rest)
        self._last = ""

    def _print(self, block: str) -> None:
        if self._last and not (_LIST_ITEM.match(block) and _LIST_ITEM.match(self._last)):
            self._region.print(Text(""))
        self._region.print(rendered(block))
        self._last = block


def split_blocks(text: str) -> tuple[list[str], str]:
    """The blocks at the front of ``text`` to which nothing can be added any more, and the rest.

    A block ends at an empty line that is not inside a fence of code, once a line follows that
    does not go on with it, as an indented one would.
    """
    blocks: list[str] = []
    block: list[str] = []
    fence = ""
    *lines, last = text.split("\n")
    for line in [*lines, last]:
        begins = bool(block) and not block[-1].strip() and not fence
        if begins and line.strip() and not line[0].isspace():
            blocks.append("\n".join(block).strip("\n"))
            block = []
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and mark[1].startswith(fence) and not line.strip(" `~"):
            fence = ""
        block.append(line)
    return [each for each in blocks if each.strip()], "\n".join(block)


class _LeftHeading(Heading):
    """A heading where reading begins, without a box around it."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _PlainCode(CodeBlock):
    """Code a little to the right, on the terminal's own background."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = Syntax(
            str(self.text).rstrip(), self.lexer_name, theme=self.theme, word_wrap=True, padding=0
        )
        yield Padding(code, (0, 0, 0, 2))


class _Answer(Markdown):
    """Markdown as models write it: line ends count, and HTML is text like any other."""

    elements = {  # noqa: RUF012
        **Markdown.elements,
        "heading_open": _LeftHeading,
        "code_block": _PlainCode,
        "fence": _PlainCode,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme="ansi_dark", hyperlinks=False)
        parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
        self.markup = text
        self.parsed = parser.enable(["strikethrough", "table"]).parse(text)
        for token in self.parsed:
            for child in token.children or ():
                if child.type == "softbreak":
                    child.type = "hardbreak"


class _Trimmed:
    """What is rendered, without empty lines around it."""

    def __init__(self, inner: Markdown) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = console.render_lines(self._inner, options, pad=False)
        filled = [n for n, row in enumerate(rows) if any(part.text.strip() for part in row)]
        for row in rows[filled[0] : filled[-1] + 1] if filled else []:
            yield from row
            yield Segment.line()


def rendered(text: str) -> RenderableType:
    """``text``, which is safe, as it is to be seen."""
    return _Trimmed(_Answer(text))
