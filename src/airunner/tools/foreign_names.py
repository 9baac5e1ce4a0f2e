"""What other programs may take an argument for: every file and address that it can name.

Owns spellings that rules look at for tools that AI Runner does not run itself. How such a
program reads a name is not known, so nothing is resolved for it: the argument is passed on
as it is, a rule that denies is matched with whatever the name can lead to, and a rule that
allows only with a name that can lead to nothing else.
"""

from __future__ import annotations

import os
import os.path
import posixpath
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from airunner.tools.host_name import only_spelling

_LONGEST = 4096
"""Characters of a name on every system in use; what is longer names nothing."""

_MOST_PARTS = 60
_FORMATS = ("uri", "path", "hostname", "iri", "url")
_WORDS = re.compile(
    r"(?:path|file|(?:file|path|dir)name|filepath|folder|dir|director(?:y|ie)|source|src|destination|dest|dst|target|root|cwd|"
    r"location|place|ur[il]|address|endpoint|host|link|page|site)(?:e?s)?",
    re.IGNORECASE,
)
_SAYS_PLACE = re.compile(r"\b(?:path|file ?name|folder|directory|ur[il]|web address)s?\b", re.I)
_ODD = re.compile(r"[\\%~$\x00-\x1f\x7f]|^\s|\s$|/\.?/")
_HOST = re.compile(r"[^\s/@:]{1,253}")
_IN_A_PATTERN = re.compile(r"[*?\[]")


class ForeignNames:
    """The arguments of one tool whose program works in ``folder``.

    Args:
        schema: the JSON schema of its arguments.
        folder: where relative paths begin.
    """

    def __init__(self, schema: Mapping[str, Any], folder: Path) -> None:
        given = schema.get("properties")
        properties = given if isinstance(given, dict) else {}
        self.places = frozenset(name for name, of in properties.items() if _is_place(name, of))
        self.folder = str(folder)

    def spellings(self, value: Any) -> Iterator[str]:
        """Every text in ``value``, and what may be meant by it; not in order, some twice."""
        for text in _texts(value):
            yield text
            if not text.strip() or len(text) > _LONGEST or "\0" in text:
                continue
            once = unquote(text)
            for each in {text, once, unquote(once)}:
                yield each
                yield from _as_address(each)
                yield from self._as_path(each)

    def _as_path(self, text: str) -> Iterator[str]:
        name = unicodedata.normalize("NFKC", text).strip().replace("\\", "/")
        name = re.sub(r"^file:(?://[^/]*)?", "", name, flags=re.IGNORECASE)
        for each in {name, os.path.expandvars(name)}:
            place = self._absolute(each)
            for found in {place, _real(place)}:
                yield found
                # Where the program's own folder begins is not known: any tail may be meant.
                parts = found.strip("/").split("/")[-_MOST_PARTS:]
                yield from ("/".join(parts[number:]) for number in range(len(parts)))

    def is_clear(self, value: Any, pattern: str) -> bool:
        """Whether ``value``, which fits ``pattern``, leads to nothing that does not.

        False for what is spelled oddly, and for a way through a link out of what is allowed.
        """
        start = _IN_A_PATTERN.split(pattern, maxsplit=1)[0]
        allowed = Path(_real(self._absolute(start[: start.rfind("/") + 1])))
        for text in _texts(value):
            is_address = "://" in text
            odd = _ODD.search(text.partition("://")[2] if is_address else text)
            if odd or len(text) > _LONGEST or unicodedata.normalize("NFKC", text) != text:
                return False
            if is_address:
                if text.rstrip("/") not in (each.rstrip("/") for each in _as_address(text)):
                    return False
            elif not Path(_real(self._absolute(text))).is_relative_to(allowed):
                return False
        return True

    def around(self, name: str, value: Any) -> str | None:
        """What "always" covers of an argument, as a pattern; ``None`` if it names no place."""
        if name not in self.places or not isinstance(value, str):
            return None
        scheme, mark, rest = value.partition("://")
        if mark:
            pattern = f"{scheme}://{re.split('[/?#]', rest, maxsplit=1)[0]}/*"
        else:
            pattern = f"{posixpath.dirname(value) or '.'}/*"
        return pattern if self.is_clear(value, pattern) else value

    def _absolute(self, name: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, os.path.expanduser(name)))


def _real(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # too long, a zero byte
        return path


def _as_address(text: str) -> Iterator[str]:
    """``text`` with its host as it is asked, and as people write it; nothing if it has none."""
    import httpx

    is_host = "://" not in text
    if is_host and not _HOST.fullmatch(text.strip()):
        return
    try:
        url = httpx.URL(f"http://{text.strip()}" if is_host else text.strip())
        asked = only_spelling(url.raw_host.decode("ascii"))
    except (httpx.InvalidURL, ValueError, UnicodeError):
        return
    port = f":{url.port}" if url.port is not None else ""
    query = f"?{url.query.decode('ascii')}" if url.query else ""
    path = posixpath.normpath(url.path or "/")
    for host in {asked, url.host, url.host.rstrip(".")}:
        if is_host:
            yield host
        else:
            yield f"{url.scheme}://{host}{port}{path}{query}"


def _is_place(name: str, schema: Any) -> bool:
    """Whether an argument of this name and schema may name a file or an address."""
    if any(_WORDS.fullmatch(word) for word in _split(name)):
        return True
    if not isinstance(schema, dict):
        return False
    form, said = schema.get("format"), schema.get("description")
    return (isinstance(form, str) and any(each in form for each in _FORMATS)) or (
        isinstance(said, str) and bool(_SAYS_PLACE.search(said))
    )


def _split(name: str) -> list[str]:
    """The words of ``snake_case`` and ``camelCase``."""
    found: list[str] = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)
    return [*found, *re.split(r"[_\W]+", name)]


def _texts(value: Any) -> Iterator[str]:
    """Every text within a JSON value, names of objects too."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each
