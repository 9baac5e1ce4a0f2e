"""One file over http(s), resumed where it broke off.

Owns the conversation with the server: ranges, validators, lengths, retries. The hub's
files come through here too, and not through ``huggingface_hub``'s own download: as of
2.4 that deletes what has arrived when it is interrupted, compares no hash, only warns
of a disk that is too small, and says how far it is, or can be stopped, every 10 MB.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from airunner.errors import DownloadCause, DownloadError
from airunner.errors.writing import writing
from airunner.models.spec import UrlSource
from airunner.weights.connections import Connections
from airunner.weights.fetch_problem import denied, fetch_problem
from airunner.weights.file_name import fit_name
from airunner.weights.staging import (
    commit,
    require_gguf,
    require_sha256,
    sha256_of,
)
from airunner.weights.transfer import Transfer

if TYPE_CHECKING:
    import httpx

MAX_FRUITLESS_TRIES = 5
CONNECT_TIMEOUT_S = 20.0
READ_TIMEOUT_S = 60.0
HEAD_TIMEOUT_S = 120.0
"""For the head of an answer, with all that redirects: a server may send some of it for ever."""

SLOWEST_BYTES = 64 * 1024
SLOWEST_S = 60.0
"""A connection over which fewer bytes than that come in this time is given up for a new one."""

_SHOWN_URL = 200
_LONGEST_TAG = 1000
_WORTH_RETRYING = {408, 425, 429, 500, 502, 503, 504}
_CAUSES: dict[int, DownloadCause] = {401: "denied", 403: "denied", 404: "not_found"}


def url_file_name(source: UrlSource) -> str:
    """Name under which the file is kept: the last name in the address."""
    try:
        path = urlsplit(source.url).path
    except ValueError:  # no address at all; fetching it says so
        path = ""
    return fit_name(PurePosixPath(unquote(path)).name, "weights.gguf")


def fetch_url(transfer: Transfer, source: UrlSource, retry_wait_s: float = 1.0) -> Path:
    """Fetch the file at an address. See ``fetch_address``."""
    try:
        address, name = urlsplit(source.url), url_file_name(source)
        label = f"{address.scheme}://{address.hostname}{address.path}"
    except ValueError as error:
        raise DownloadError(transfer.model, source.url[:_SHOWN_URL], str(error)) from None
    path = fetch_address(
        transfer,
        source.url,
        transfer.folder / name,
        transfer.staging / f"{name}.part",
        sha256=source.sha256,
        # Neither password nor signature belongs into an error message.
        label=label[:_SHOWN_URL],
        retry_wait_s=retry_wait_s,
    )
    if source.sha256 is not None:
        transfer.verified[name] = source.sha256
    return path


def fetch_address(
    transfer: Transfer,
    url: str,
    target: Path,
    part: Path,
    *,
    sha256: str | None,
    label: str,
    n_bytes: int | None = None,
    headers: Mapping[str, str] | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch ``url`` to ``target``, verified.

    Bytes that arrived stay in ``part`` with the server's validator beside it, so that this
    or a later process continues from there, and starts again when the file on the server
    is another one by now. ``n_bytes`` is the length somebody else promised. ``retry_wait_s``
    is the pause after the first fruitless try; each further one doubles it.

    Raises:
        DownloadError: the server refuses, keeps breaking off, or sent other bytes than promised.
        StorageError: the disk is full; what arrived is kept for a later try.
    """
    with writing(part):
        part.parent.mkdir(parents=True, exist_ok=True)
    download = _Download(transfer, url, part, label, n_bytes, headers or {})
    fruitless, most_bytes = 0, download.n_bytes
    try:
        asked_s = transfer.meter.now()
        while problem := transfer.interruptible(download.receive):
            # Against the most ever had: a server that cannot resume starts anew each time.
            more = download.n_bytes - most_bytes
            took_s, asked_s = transfer.meter.now() - asked_s, transfer.meter.now()
            fruitless = fruitless + 1 if more <= _least_bytes(took_s) else 0
            most_bytes = max(most_bytes, download.n_bytes)
            if fruitless >= MAX_FRUITLESS_TRIES:
                raise DownloadError(transfer.model, label, problem, "unreachable")
            if fruitless:
                transfer.cancel.wait(retry_wait_s * 2 ** (fruitless - 1))
    except BaseException:
        if not download.continued_by:
            download.discard()
        raise
    try:
        if sha256 is not None:
            require_sha256(sha256_of(part, transfer), sha256, transfer, label, target.name)
        elif target.name.lower().endswith(".gguf"):
            require_gguf(part, transfer, label)
    except DownloadError:
        if not transfer.cancel.is_set():
            download.discard()
        raise
    commit(part, target)
    download.discard()
    return target


@dataclass(frozen=True, slots=True)
class _Download:
    """A file that comes, the part of it that is here, and the validator of that part."""

    transfer: Transfer
    url: str
    part: Path
    label: str
    promised_bytes: int | None
    headers: Mapping[str, str]

    @property
    def validator(self) -> Path:
        """The file with ``continued_by``."""
        return self.part.with_name(self.part.name + ".validator")

    @property
    def continued_by(self) -> str:
        """What to send as ``If-Range``; empty if what is here cannot be continued."""
        return self.validator.read_text("utf-8") if self.validator.is_file() else ""

    @property
    def n_bytes(self) -> int:
        """Bytes that are here."""
        return self.part.stat().st_size if self.part.is_file() else 0

    def discard(self) -> None:
        """Forget what is here."""
        self.part.unlink(missing_ok=True)
        self.validator.unlink(missing_ok=True)

    def receive(self, connections: Connections) -> str | None:
        """One request: append what comes. ``None`` when complete, else why it broke off."""
        import httpx

        validator = self.continued_by
        offset = self.n_bytes if validator else 0
        # Compression would make lengths and ranges count something else than the file's bytes.
        headers = {**self.headers, "Accept-Encoding": "identity"}
        if offset:
            headers |= {"Range": f"bytes={offset}-", "If-Range": validator}
        timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        try:
            with (
                httpx.Client(
                    follow_redirects=True, timeout=timeout, event_hooks=connections.hooks
                ) as client,
                ExitStack() as stack,
            ):
                with connections.ended_after(HEAD_TIMEOUT_S):
                    answer = client.stream("GET", self.url, headers=headers)
                    response = stack.enter_context(answer)
                self.transfer.check()
                return self._answer(response, offset, validator)
        except httpx.TransportError as error:
            if connections.ended:
                return f"it had not begun to answer after {HEAD_TIMEOUT_S:g} s"
            return fetch_problem(error)
        except (httpx.InvalidURL, httpx.HTTPError, ValueError) as error:
            raise DownloadError(self.transfer.model, self.label, str(error)) from error

    def _answer(self, response: httpx.Response, offset: int, validator: str) -> str | None:
        status = response.status_code
        first, total = _content_range(response)
        if status == 206 and not _is_still(validator, response):
            first = None
        if status == 416 and offset and total == offset == (self.promised_bytes or offset):
            return None
        if status == 416 or (status == 206 and (not offset or first != offset)):
            self.discard()
            return f"HTTP {status} with another part of the file than was asked for"
        if status in _WORTH_RETRYING:
            return f"HTTP {status}"
        if status not in (200, 206):
            problem = f"HTTP {status}{self._meaning(status)}"
            cause = _CAUSES.get(status, "")
            raise DownloadError(self.transfer.model, self.label, problem, cause)
        if status == 200:
            offset, total = 0, None
            with writing(self.part):
                self.discard()
                self.validator.write_text(_strong_validator(response), "utf-8")
        length = _count(response.headers.get("Content-Length", ""))
        if total is None and length is not None:
            total = offset + length
        return self._append(response, offset, total)

    def _meaning(self, status: int) -> str:
        if status in (401, 403):
            page, separator, _ = self.url.partition("/resolve/")  # as the hub's addresses are
            return f": {denied(page if separator else '')}"
        return ": there is no such file" if status == 404 else ""

    def _append(self, response: httpx.Response, offset: int, total: int | None) -> str | None:
        """Write the body behind the ``offset`` bytes already there, and not a byte too many."""
        promised = self.promised_bytes
        if total is not None and promised is not None and total != promised:
            raise self._refusal(f"it has {total:,} bytes, promised were {promised:,}")
        total = promised if total is None else total
        if total is not None:
            self.transfer.claim_space(self.part.parent, total - offset)
        # An answer that states no length may go on for ever.
        most = shutil.disk_usage(self.part.parent).free // 2 if total is None else total
        done = counted = offset
        now = self.transfer.meter.now
        since_s = now()
        with writing(self.part, total), self.part.open("ab") as target:
            # As they come: a chunk size would make httpx hold bytes that a cut then loses. Raw:
            # nothing was asked to be compressed, so what says it is comes as it is stored.
            for chunk in response.iter_raw():
                if done + len(chunk) > most:
                    raise self._refusal(f"more than {most:,} bytes came")
                self.transfer.check()
                target.write(chunk)
                # Nothing stays behind for a thread that was left waiting to write later, when
                # another goes on with the file; and what has come is counted.
                target.flush()
                done += len(chunk)
                self.transfer.advance(done, total)
                if (took_s := now() - since_s) >= SLOWEST_S:
                    if done - counted < _least_bytes(took_s):
                        return f"only {done - counted:,} bytes came in {took_s:.0f} s"
                    counted, since_s = done, now()
        if total is not None and done != total:
            return f"{done:,} of {total:,} bytes arrived"
        return None

    def _refusal(self, problem: str) -> DownloadError:
        self.discard()
        return DownloadError(self.transfer.model, self.label, problem, "damaged")


def _strong_validator(response: httpx.Response) -> str:
    """The strongest thing to say in ``If-Range`` (RFC 9110, 13.1.5: weak tags do not count)."""
    tag = str(response.headers.get("ETag", ""))
    if tag.startswith("W/") or not _is_sendable(tag):
        tag = str(response.headers.get("Last-Modified", ""))
    return tag if _is_sendable(tag) else ""


def _is_still(validator: str, response: httpx.Response) -> bool:
    """Whether a part is of the version that was asked about, as far as the server says."""
    told = response.headers.get("ETag" if validator.startswith('"') else "Last-Modified")
    return told is None or told.removeprefix("W/") == validator


def _is_sendable(validator: str) -> bool:
    """Whether a server can be sent it: a part that no server is asked to continue stays one."""
    return validator.isascii() and validator.isprintable() and 0 < len(validator) <= _LONGEST_TAG


def _content_range(response: httpx.Response) -> tuple[int | None, int | None]:
    """First byte and whole size from ``Content-Range: bytes 5-9/10`` or ``bytes */10``."""
    span, _, total = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    return _count(span.partition("-")[0]), _count(total)


def _least_bytes(seconds: float) -> int:
    """What has to come in that time; less than nobody waits for."""
    return int(SLOWEST_BYTES * seconds / SLOWEST_S)


def _count(text: str) -> int | None:
    """A number of bytes below 10^19; ``None`` for anything else."""
    return int(text) if text.isdecimal() and len(text) < 20 else None
