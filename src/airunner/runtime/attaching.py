"""Whether a program uses the server of its home folder, and what holds then.

Owns the handshake and the comparison of settings: a server has its own, and what the user
gave a program can hold only where each request carries it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import airunner
from airunner.config.settings import SETTINGS, Settings
from airunner.engines.known import known_engines
from airunner.errors import AiRunnerError, ServerGoneError, SettingsError
from airunner.runtime.attached import AttachedRuntime
from airunner.runtime.file_models import open_catalog
from airunner.runtime.native_client import NativeClient
from airunner.runtime.native_form import fingerprint
from airunner.runtime.presence import Presence, find_server

BEGINS_S = 10.0
"""How long a server may take from its first sign of life to its first answer, in seconds."""

_POLL_S = 0.05
_HOLD_HERE = {"home", "config", "max_tokens", "engine_index"}
"""Settings that a program has for itself."""
_EACH_TURN = {"primary", "tools"}
"""Settings that each turn of a program carries, where they were given to it."""
_REFUSED = {"permissions": "rules", "pictures": "a folder", "files": "a folder"}
"""What would be done otherwise than was asked, if the server's own held; in words."""

_log = logging.getLogger(__name__)


def attach(settings: Settings) -> AttachedRuntime | None:
    """The server of the home folder as a runtime, or ``None`` where none can be used.

    Raises:
        SettingsError: the user gave rules for tools that the server does not have, or by a
            flag another folder than the server's.
    """
    server = find_server(settings.home)
    if server is None or server.pid == os.getpid():
        return None
    client = NativeClient(server, settings.home)
    try:
        told = _handshake(client, settings.home)
        problem = "it does not answer" if told is None else _difference(settings, told)
        if told is None or problem:
            _log.warning("The server at %s is not used: %s.", server.url, problem)
            client.close()
            return None
        remarks = _remarks(settings, server, told["settings"])
    except BaseException:
        client.close()
        raise
    pictures = Path(told["settings"]["pictures"]["value"])
    given = frozenset(filter(partial(_is_given, settings), _EACH_TURN))
    return AttachedRuntime(settings, client, pictures, remarks, given)


def _handshake(client: NativeClient, home: Path) -> Mapping[str, Any] | None:
    ends_s = time.monotonic() + BEGINS_S
    while True:
        try:
            return client.about()
        except ServerGoneError:
            if time.monotonic() > ends_s or find_server(home) != client.server:
                return None
            time.sleep(_POLL_S)
        except AiRunnerError:
            return None


def _difference(settings: Settings, told: Mapping[str, Any]) -> str:
    """Why a program like this one cannot use the server; empty if it can."""
    if told.get("airunner") != airunner.__version__:
        return f"it is AI Runner {told.get('airunner')}, and this is {airunner.__version__}"
    if told["catalog"] != fingerprint(open_catalog(settings, known_engines().traits)):
        return "it does not know the same models; start it anew after changing the registry"
    return ""


def _remarks(settings: Settings, server: Presence, theirs: Mapping[str, Any]) -> list[str]:
    differing = [
        name
        for name in SETTINGS
        if name not in _HOLD_HERE
        and settings.origins[name] not in ("default", "code")
        and settings.shown(name) != theirs[name]["value"]
    ]
    for name, what in _REFUSED.items():
        origin = settings.origins[name]
        if name in differing and (name == "permissions" or origin == _flag(name)):
            problem = f"the server at {server.url} has {what} of its own; `airunner stop` ends it"
            raise SettingsError(name, settings.shown(name), origin, problem)
    if not differing:
        return []
    used = f"The server at {server.url} (process {server.pid}) is used"
    given = [n for n in differing if _is_given(settings, n)]
    written = [n for n in differing if n not in given]
    given = [n for n in given if n not in _EACH_TURN]
    lines = []
    if given:
        told = "; ".join(_in_words(settings, name, theirs) for name in given)
        lines.append(f"{used}, which alone decides {told}.")
    if written:
        names = ", ".join(written)
        lines.append(
            f"{used}: what the configuration file says of {names} holds from its next start on."
        )
    return lines


def _flag(name: str) -> str:
    return f"flag {SETTINGS[name].flag}"


def _is_given(settings: Settings, name: str) -> bool:
    """Whether somebody said it to this program, and no file."""
    return settings.origins[name] in (_flag(name), SETTINGS[name].variable)


def _in_words(settings: Settings, name: str, theirs: Mapping[str, Any]) -> str:
    own = theirs[name]["value"]
    has = "it has none" if own == "-" else f"it has {own}"
    return f"{SETTINGS[name].flag}: {settings.shown(name)} is not used, {has}"
