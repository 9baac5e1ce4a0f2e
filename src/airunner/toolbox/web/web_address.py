"""A web address as it may be asked for: checked before anything is looked up.

Owns the form: scheme, port, no password. Where its host leads is checked when the
connection is made, in ``guarded_network``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airunner.errors import ToolRetryError

if TYPE_CHECKING:
    import httpx

PORTS = frozenset({80, 443, 8080, 8443})
"""Ports that web servers use; on others speak programs that are no web servers."""

_LONGEST = 2000


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
    return url.copy_with(fragment=None)


def port_of(url: httpx.URL) -> int:
    """The port that ``url`` names, or the usual one of its scheme."""
    return url.port if url.port is not None else {"http": 80, "https": 443}[url.scheme]
