"""What the hub says of a repository before anything is fetched: files, sizes, terms.

Owns that question and its failures in plain words; fetching is ``airunner.weights.hub``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airunner.errors import DownloadError, HubError
from airunner.models.files.split import complete_sets, matches
from airunner.weights.hub_api import REPO, ask, hub_client

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. ``sha256`` is known for large files only."""

    name: str
    size_bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit.

    Attributes:
        name: ``publisher/name``.
        commit_id: the commit that was asked about.
        files: every file, with its bytes where they are known.
        endpoint: address of the mirror that was asked; ``None`` follows ``HF_ENDPOINT``.
        license: as its card has it, ``""`` where it has none.
        gated: whether its terms have to be accepted before files are given out.
        task: what its models are for, in the hub's words: ``text-generation``.
        context_length: tokens, as the hub reads it from a GGUF file.
        chat_template: likewise.
        parameters: likewise, their number.
    """

    name: str
    commit_id: str
    files: tuple[RemoteFile, ...]
    endpoint: str | None = None
    license: str = ""
    gated: bool = False
    task: str = ""
    context_length: int | None = None
    chat_template: str = ""
    parameters: int | None = None

    def models(self, pattern: str = "*.gguf") -> list[tuple[str, ...]]:
        """Whole GGUF models that a pattern means, each with all its parts."""
        return complete_sets(f.name for f in self.files if matches(f.name, pattern))

    def n_bytes(self, names: Sequence[str]) -> int | None:
        """Bytes of files together; ``None`` if one is of unknown size."""
        sizes = {file.name: file.size_bytes for file in self.files}
        known = [sizes[name] for name in names]
        return None if None in known else sum(size or 0 for size in known)

    def address(self, name: str) -> str:
        """Where a file is fetched, at this commit."""
        from huggingface_hub import hf_hub_url

        found = hf_hub_url(self.name, name, revision=self.commit_id, endpoint=self.endpoint)
        return str(found)

    def matching(self, patterns: Sequence[str]) -> list[str]:
        """Files that shell patterns mean, by their whole paths."""
        return [f.name for f in self.files if any(fnmatchcase(f.name, p) for p in patterns)]


_MOST_COUNTED = 2**53


def look_up(repo: str, revision: str = "main", endpoint: str | None = None) -> Repository:
    """Ask the hub about a repository; blocks, for seconds.

    ``endpoint`` is the address of a mirror; ``None`` follows ``HF_ENDPOINT``.

    Raises:
        DownloadError: there is no connection, no such repository, or it is not for this user.
    """
    try:
        with hub_client(endpoint) as client:
            return repository_at(client, repo, revision, endpoint)
    except HubError as error:
        problem = error.problem
        if error.cause == "unreachable":
            problem = f"there is no connection to the hub ({problem})"
        elif error.cause in ("denied", "not_found"):
            problem = "there is no such repository, or it is private, which takes HF_TOKEN"
        raise DownloadError(repo, repo, problem, error.cause) from error


def repository_at(
    client: httpx.Client, repo: str, revision: str = "main", endpoint: str | None = None
) -> Repository:
    """The repository at the commit that ``revision`` names now, by a ``hub_client``.

    Raises:
        HubError: there is no such answer.
    """
    where = str(client.base_url)
    if not REPO.fullmatch(repo):
        raise HubError(where, "a repository is named publisher/name")
    address = f"/api/models/{quote(repo)}/revision/{quote(revision, safe='')}"
    info = ask(client, address, {"blobs": True})
    try:
        return _repository(repo, revision, endpoint, info)
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        raise HubError(where, f"what answers is no hub: {error}") from error


def _repository(repo: str, revision: str, endpoint: str | None, info: Any) -> Repository:
    gguf, card = info.get("gguf") or {}, info.get("cardData") or {}
    return Repository(
        repo,
        str(info.get("sha") or revision),
        tuple(
            RemoteFile(
                str(row["rfilename"]),
                None if row.get("size") is None else int(row["size"]),
                None if row.get("lfs") is None else str(row["lfs"]["sha256"]),
            )
            for row in info.get("siblings") or []
        ),
        endpoint,
        license=str(card.get("license") or ""),
        gated=bool(info.get("gated")),
        task=str(info.get("pipeline_tag") or ""),
        context_length=_count(gguf.get("context_length")),
        chat_template=str(gguf.get("chat_template") or ""),
        parameters=_count(gguf.get("total")),
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 < value <= _MOST_COUNTED else None
