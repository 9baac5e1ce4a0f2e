"""One file over http(s), resumed where it broke off.

Owns the conversation with the server: ranges, validators, retries. The hub
fetches its bytes through here too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airunner.errors import DownloadError
from airunner.models.spec import UrlSource
from airunner.weights.staging import (
    commit,
    require_gguf,
    require_sha256,
    require_space,
    sha256_of,
    writing,
)
from airunner.weights.transfer import Transfer

if TYPE_CHECKING:
    import httpx

MAX_FRUITLESS_TRIES = 5
CONNECT_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 60.0
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}


def url_file_name(source: UrlSource) -> str:
    """Name under which the file is kept: the last name in the address."""
    return PurePosixPath(unquote(urlsplit(source.url).path)).name or "weights.gguf"


def fetch_url(transfer: Transfer, source: UrlSource, retry_wait_s: float = 1.0) -> Path:
    """Fetch the file at an address. See ``fetch_address``."""
    address = urlsplit(source.url)
    return fetch_address(
        transfer,
        source.url,
        url_file_name(source),
        sha256=source.sha256,
        # Neither password nor signature belongs into an error message.
        label=f"{address.scheme}://{address.hostname}{address.path}",
        retry_wait_s=retry_wait_s,
    )


def fetch_address(
    transfer: Transfer,
    url: str,
    name: str,
    *,
    sha256: str | None,
    label: str,
    headers: Mapping[str, str] | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch ``url`` to ``transfer.folder / name``, verified.

    Bytes that arrived stay in the staging folder with the server's validator,
    so that this or a later process continues from there, and starts again when
    the file on the server is another one by now. ``retry_wait_s`` is the pause
    after the first fruitless try; each further one doubles it.

    Raises:
        DownloadError: the server refuses, keeps breaking off, or sent other bytes than promised.
        StorageError: the disk is full; what arrived is kept for a later try.
    """
    import httpx

    with writing(transfer.staging):
        transfer.staging.mkdir(parents=True, exist_ok=True)
    partial = _Partial(transfer.staging / f"{name}.part")
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    fruitless = 0
    most_bytes = partial.n_bytes
    with httpx.Client(follow_redirects=True, timeout=timeout, headers=headers) as client:
        while True:
            problem = _receive(client, url, partial, transfer, label)
            if problem is None:
                break
            # Against the most ever had: a server that cannot resume starts anew each time.
            fruitless = 0 if partial.n_bytes > most_bytes else fruitless + 1
            most_bytes = max(most_bytes, partial.n_bytes)
            if fruitless >= MAX_FRUITLESS_TRIES:
                raise DownloadError(transfer.model, label, problem)
            if fruitless:
                transfer.cancel.wait(retry_wait_s * 2 ** (fruitless - 1))
    try:
        if sha256 is not None:
            require_sha256(sha256_of(partial.path, transfer), sha256, transfer, label, name)
        elif name.lower().endswith(".gguf"):
            require_gguf(partial.path, transfer, label)
    except DownloadError:
        if not transfer.cancel.is_set():
            partial.discard()
        raise
    final = commit(partial.path, transfer.folder / name)
    partial.discard()
    return final


class _Partial:
    """An unfinished file and the validator of what it is a part of."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._validator_path = path.with_name(path.name + ".validator")

    @property
    def n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    @property
    def validator(self) -> str:
        """What to send as ``If-Range``; empty if the bytes cannot be continued."""
        try:
            return self._validator_path.read_text("utf-8")
        except OSError:
            return ""

    def restart(self, validator: str) -> None:
        """Forget the bytes and remember whose bytes come now."""
        with writing(self.path):
            self.discard()
            self._validator_path.write_text(validator, "utf-8")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._validator_path.unlink(missing_ok=True)


def _receive(
    client: httpx.Client, url: str, partial: _Partial, transfer: Transfer, label: str
) -> str | None:
    """One request: append what comes. ``None`` when complete, else why it broke off."""
    import httpx

    validator = partial.validator
    offset = partial.n_bytes if validator else 0
    # Compression would make ranges count bytes of something else than the file.
    request_headers = {"Accept-Encoding": "identity"}
    if offset:
        request_headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
    try:
        with client.stream("GET", url, headers=request_headers) as response:
            if response.status_code == 416 and _total(response) == offset:
                return None
            if response.status_code == 416:
                partial.discard()
                return "the server refused to continue the file"
            if response.status_code in _WORTH_RETRYING:
                return f"HTTP {response.status_code}"
            if not response.is_success:
                raise DownloadError(transfer.model, label, f"HTTP {response.status_code}")
            if response.status_code != 206 or _first(response) != offset:
                partial.restart(_validator(response))
                offset = 0
            return _append(response, partial, offset, transfer)
    except httpx.TransportError as error:
        return f"{type(error).__name__}: {error}"
    except (httpx.InvalidURL, httpx.HTTPError) as error:
        raise DownloadError(transfer.model, label, str(error)) from error


def _append(
    response: httpx.Response, partial: _Partial, offset: int, transfer: Transfer
) -> str | None:
    """Write the body behind the ``offset`` bytes already there."""
    length = response.headers.get("Content-Length")
    total = offset + int(length) if length is not None and length.isdigit() else None
    if total is not None:
        require_space(partial.path.parent, total - offset)
    done = offset
    with writing(partial.path, total), partial.path.open("ab") as target:
        # As they come: a chunk size would make httpx hold bytes that a cut then loses.
        for chunk in response.iter_bytes():
            target.write(chunk)
            done += len(chunk)
            transfer.advance(done, total)
    if total is not None and done != total:
        return f"{done:,} of {total:,} bytes arrived"
    return None


def _validator(response: httpx.Response) -> str:
    """The strongest thing to say in ``If-Range`` (RFC 9110, 13.1.5: weak tags do not count)."""
    tag = str(response.headers.get("ETag", ""))
    if tag and not tag.startswith("W/"):
        return tag
    return str(response.headers.get("Last-Modified", ""))


def _first(response: httpx.Response) -> int | None:
    """First byte of a 206 answer, from ``Content-Range: bytes 5-9/10``."""
    span = str(response.headers.get("Content-Range", "")).removeprefix("bytes ").split("/")[0]
    first = span.split("-")[0].strip()
    return int(first) if first.isdigit() else None


def _total(response: httpx.Response) -> int | None:
    """Size of the whole file, from ``Content-Range: bytes */10``."""
    total = str(response.headers.get("Content-Range", "")).rpartition("/")[2].strip()
    return int(total) if total.isdigit() else None
