"""A web address as it may be asked for: checked before anything is looked up.

Owns the form: scheme, port, no password, and one spelling of each host, so that rules
see the host that is asked. Where it leads is checked when the connection is made, in
``guarded_network``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airunner.errors import ToolRetryError
from airunner.tools.host_name import only_spelling
from airunner.tools.meaning import Meaning

if TYPE_CHECKING:
    import httpx

    from airunner.tools.files_folder import FilesFolder

PORTS = frozenset({80, 443, 8080, 8443})
"""Ports that web servers use; on others speak programs that are no web servers."""

_LONGEST = 2000
_USUAL_PORTS = {"http": 80, "https": 443}


def checked_address(address: str, base: httpx.URL | None = None) -> httpx.URL:
    """``address`` taken apart, relative to ``base`` if there is one, without its fragment.

    Raises:
        ToolRetryError: it is not an address of a page on the web, or carries a password.
    """
    import httpx

    text = address.strip()
    if len(text) > _LONGEST:
        raise ToolRetryError(f"An address has at most {_LONGEST:,} characters; use a shorter one.")
    try:
        url = httpx.URL(text) if base is None else base.join(text)
    except (httpx.InvalidURL, ValueError, UnicodeError) as error:
        raise ToolRetryError(f"{text!r} is no web address: {error}") from None
    if url.userinfo:
        raise ToolRetryError("No address with a user name or password is fetched; leave them out.")
    if url.scheme not in ("http", "https") or not url.raw_host:
        raise ToolRetryError(f"{text!r} is no web address; give one that begins with https://.")
    if port_of(url) not in PORTS:
        raise ToolRetryError(
            f"Port {url.port} is not fetched from, only {', '.join(map(str, sorted(PORTS)))}."
        )
    port = None if url.port == _USUAL_PORTS[url.scheme] else url.port
    return url.copy_with(fragment=None, port=port, host=only_spelling(url.host))


def address_meant(text: str, _: Mapping[str, Any], __: FilesFolder | None) -> Meaning:
    """How a tool that goes to an address resolves it.

    Raises:
        ToolRetryError: see ``checked_address``.
    """
    url = checked_address(text)
    ascii_host = url.raw_host.decode("ascii")
    spelled = [str(url), str(url).replace(ascii_host, url.host, 1)]
    decoded = [unquote(each) for each in spelled]
    return Meaning(
        str(url),
        same=tuple(dict.fromkeys([*spelled, *decoded])),
        near=tuple(_without_detours(each) for each in decoded),
        around=f"*://{url.netloc.decode('ascii')}/*",
    )


def port_of(url: httpx.URL) -> int:
    """The port that ``url`` names, or the usual one of its scheme."""
    return url.port if url.port is not None else _USUAL_PORTS[url.scheme]


def _without_detours(address: str) -> str:
    """``address`` as a server takes it that decodes before it looks for ``..``."""
    start, _, path = address.replace("\\", "/").partition("://")
    return f"{start}://{posixpath.normpath(path)}{'/' * path.endswith('/')}"
