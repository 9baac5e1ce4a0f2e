"""What it is to rank tools by a request: the interface, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from airunner.guided.request import Request
from airunner.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Match:
    """A tool and how well it fits; scores of one ranker compare across requests.

    ``score`` is 0 or more where the tool fits. ``doubtful`` says that it may be what is
    meant, although it does not.
    """

    tool: Tool
    score: float
    doubtful: bool = False

    @property
    def fits(self) -> bool:
        """Whether the request is for this tool."""
        return self.score >= 0


class ToolRanker(Protocol):
    """Something that orders tools by how well they fit a request."""

    def prepare(self) -> None:
        """Do now what the first ``rank`` would have to do; may take a second, from any thread."""
        ...

    def rank(self, request: Request, limit: int = 5) -> list[Match]:
        """At most ``limit`` tools, best first."""
        ...


def pick(ranker: ToolRanker, request: Request) -> Tool | None:
    """The tool that fits ``request`` best, or ``None`` if none fits."""
    best = next(iter(ranker.rank(request, limit=1)), None)
    return best.tool if best and best.fits else None
