"""The web page: what a person keeps open while a team of models works.

Owns what is shown. Every state lives in the server's services, which the native API
shares, so a reload goes on where it was and two windows show the same.
"""

from __future__ import annotations

import importlib
import sys
from contextlib import suppress


def _load_sockets() -> None:
    """Load the library of the page's sockets without the HTTP clients of its client's side.

    It does without where they are not installed. Nobody here connects to another page, and
    they are 17 MB of a server that rests and a tenth of the time in which it starts.
    """
    modules: dict[str, object] = vars(sys)["modules"]
    hidden = [name for name in ("aiohttp", "requests") if name not in modules]
    modules.update(dict.fromkeys(hidden))  # an import of them fails from now on
    try:
        with suppress(ImportError):  # the page is not installed, which its users find
            importlib.import_module("engineio")
    finally:
        for name in hidden:
            del modules[name]


_load_sockets()
