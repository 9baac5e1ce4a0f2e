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
MOST_RENDERED = 8_000
"""Characters of the open block that are shown while it grows: more than a screen holds."""

_LIST_ITEM = re.compile(r"\s{0,3}(?:[-*+]|\d{1,9}[.)])\s")


class RenderedAnswer:
    """Shows a text that arrives in pieces, on the console of ``region``."""

    def __init__(self, region: LiveRegion, console: Console) -> None:
        self._region, self._console = region, console
        self._blocks, self._last = Blocks(), ""

    def add(self, text: str) -> None:
        """A piece more."""
        for block in self._blocks.add(safe(text)):
            self._print(block)
        end = self._blocks.end(MOST_RENDERED)
        self._region.text(rendered(end) if end.strip() else None)

    def finish(self) -> None:
        """Nothing more comes: what is still open is shown as it is."""
        rest, self._blocks = self._blocks.open, Blocks()
        self._region.text(None)
        if rest.strip():
            self._print(rest)
        self._last = ""

    def _print(self, block: str) -> None:
        if self._last and not (_LIST_ITEM.match(block) and _LIST_ITEM.match(self._last)):
            self._region.print(Text(""))
        self._region.print(rendered(block))
        self._last = block


class Blocks:
    """A text that arrives in pieces, cut into blocks to which nothing can be added any more.

    A block ends at an empty line that is not inside a fence of code, once a line follows that
    does not go on with it, as an indented one would. Each line is looked at once.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._last = self._fence = self._fence_line = ""

    @property
    def open(self) -> str:
        """The block that is still being written."""
        return "\n".join([*self._lines, self._last])

    def end(self, most: int) -> str:
        """About the last ``most`` characters of the open block, inside the fence it is in."""
        kept, size = [self._last[-most:]], len(self._last)
        for line in reversed(self._lines):
            size += len(line) + 1
            if size > most:
                return "\n".join([*[self._fence_line] * bool(self._fence), *reversed(kept)])
            kept.append(line)
        return "\n".join(reversed(kept))

    def add(self, text: str) -> list[str]:
        """The blocks that are finished, now that ``text`` has come."""
        *lines, last = text.split("\n")
        finished: list[str] = []
        for line in lines:
            whole, self._last = self._last + line, ""
            finished += self._finished_before(whole)
            self._take(whole)
        self._last += last
        return [*finished, *self._finished_before(self._last)]

    def _finished_before(self, line: str) -> list[str]:
        is_over = self._lines and not self._fence and not self._lines[-1].strip()
        if not is_over or line[:1].isspace() or not line:
            return []
        block, self._lines = "\n".join(self._lines).strip("\n"), []
        return [block] if block.strip() else []

    def _take(self, line: str) -> None:
        mark = _FENCE.match(line)
        if mark and not self._fence:
            self._fence, self._fence_line = mark[1], line
        elif mark and mark[1].startswith(self._fence) and not line.strip(" `~"):
            self._fence = ""
        self._lines.append(line)


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
