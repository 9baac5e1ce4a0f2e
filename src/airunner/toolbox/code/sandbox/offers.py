"""What a script finds beside the interpreter's own: modules, functions and one file.

Runs inside the sandbox's process. Everything here is called by code that nobody has
read: it takes plain values, and reaches nothing outside.
"""

from __future__ import annotations

import statistics
import string
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from pydantic_monty import NOT_HANDLED, ClassInstance, ExternalModule, MontyFileHandle

from airunner.toolbox.code.sandbox.pyplot import Pyplot

_STATISTICS = """
    correlation covariance fmean geometric_mean harmonic_mean mean median median_high
    median_low mode multimode pstdev pvariance stdev variance
"""
_STRING = "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits punctuation whitespace"

INTERPRETERS_OWN = """
    asyncio base64 binascii bisect collections copy csv dataclasses datetime decimal functools
    hashlib itertools json math random re sys time tomllib typing unicodedata
"""
"""The modules of ``pydantic-monty`` 1.4 that are of use to a script."""

IMPORTABLE = sorted([*INTERPRETERS_OWN.split(), "matplotlib.pyplot", "statistics", "string"])


def modules(pyplot: Pyplot) -> dict[str, ExternalModule]:
    """What can be imported beside the interpreter's own modules."""
    return {
        "statistics": ExternalModule({n: getattr(statistics, n) for n in _STATISTICS.split()}),
        "string": ExternalModule({name: getattr(string, name) for name in _STRING.split()}),
        "matplotlib": ExternalModule({"pyplot": ExternalModule(dict(pyplot.functions()))}),
    }


def exposed(value: object) -> ClassInstance:
    """An object whose attributes a script may call, and do nothing else with."""
    return ClassInstance(value, allowed_methods=frozenset(vars(value)))


class Files:
    """Answers what the interpreter asks of a file system: reading the texts it was given."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = {PurePosixPath("/") / name: text for name, text in texts.items()}

    def __call__(self, *, name: str, args: tuple[Any, ...], **rest: Any) -> Any:
        """The answer, or ``NOT_HANDLED``, on which the interpreter refuses."""
        named = args[0] if args else None
        path = PurePosixPath(named.path) if isinstance(named, MontyFileHandle) else named
        text = self._texts.get(path) if isinstance(path, PurePosixPath) else None
        if name in ("Path.exists", "Path.is_file"):
            return text is not None
        if text is None:
            return NOT_HANDLED
        if name == "open" and args[1] in ("r", "rt", "rb"):
            return MontyFileHandle(str(path), args[1])
        if name == "Path.read_text":
            return text
        return text.encode() if name == "Path.read_bytes" else NOT_HANDLED
