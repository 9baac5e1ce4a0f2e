"""``airunner engine``: the build of the engine that suits this machine's GPU.

Owns the command; which build that is, and how one replaces another, are the engine's.
"""

from __future__ import annotations

from airunner.cli.streams import tell
from airunner.config.settings import Settings


def engine(settings: Settings) -> None:
    """Install the engine's build for this machine's GPU.

    --engine BUILD (or AIRUNNER_ENGINE) names another than the best: cpu, cu132,
    cu128, rocm, vulkan, metal. It is tried before it replaces the one that works.
    """
    fit_engines(settings, aside=False)


def fit_engines(settings: Settings, *, aside: bool) -> None:
    """Have every engine's build fit this machine; what is told goes to stderr if ``aside``.

    Raises:
        EngineBuildError: a build that was asked for by its name cannot be used.
    """
    from airunner.engines.known import known_engines

    for each in known_engines().values():
        each.fit(settings, lambda line: tell(line, aside=aside))
