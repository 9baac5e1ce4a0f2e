"""What the hub says of a repository before anything is fetched: files, sizes, terms.

Owns that question, through the ``huggingface_hub`` client, so ``HF_ENDPOINT``, ``HF_TOKEN``
and a login apply, and its failures in plain words; fetching is ``airunner.weights.hub``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from airunner.errors import DownloadCause, DownloadError, HubError
from airunner.errors.base import in_short
from airunner.models.files.split import complete_sets, matches

TIMEOUT_S = 30.0


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


def look_up(repo: str, revision: str = "main", endpoint: str | None = None) -> Repository:
    """Ask the hub about a repository; blocks, for half a minute at most.

    ``endpoint`` is the address of a mirror; ``None`` follows ``HF_ENDPOINT``.

    Raises:
        DownloadError: there is no connection, no such repository, or it is not for this user.
    """
    from huggingface_hub.errors import HFValidationError

    try:
        return ask_hub(repo, revision, endpoint)
    except HFValidationError as error:
        raise DownloadError(repo, repo, "a repository is named publisher/name") from error
    except HubError as error:
        raise DownloadError(repo, repo, error.problem) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise DownloadError(repo, repo, f"what answers is no hub: {error}") from error
    # The client lets errors of its HTTP library through, and which library that is differs
    # between its versions.
    except Exception as error:
        cause = cause_of(error)
        reason = " ".join(re.sub(r"^\[Errno -?\d+\]", "", str(error)).split())
        problem = reason or type(error).__name__
        if cause == "unreachable":
            problem = f"there is no connection to the hub ({problem})"
        elif cause in ("denied", "not_found"):
            problem = "there is no such repository, or it is private, which takes HF_TOKEN"
        raise DownloadError(repo, repo, problem, cause) from error


def ask_hub(repo: str, revision: str, endpoint: str | None) -> Repository:
    """The repository at the commit that ``revision`` names now.

    Raises:
        Exception: of many kinds, those of the hub's client and of its HTTP library.
    """
    from huggingface_hub import HfApi

    hub = HfApi(endpoint=endpoint, headers={"Accept-Encoding": "identity"})
    _refuse_compression()
    info: Any = hub.model_info(repo, revision=revision, files_metadata=True, timeout=TIMEOUT_S)
    gguf = getattr(info, "gguf", None) or {}
    card = getattr(info, "card_data", None) or {}
    return Repository(
        repo,
        info.sha or revision,
        tuple(
            RemoteFile(
                sibling.rfilename,
                None if sibling.size is None else int(sibling.size),
                None if sibling.lfs is None else sibling.lfs.sha256,
            )
            for sibling in info.siblings or []
        ),
        endpoint,
        license=str(card.get("license") or ""),
        gated=bool(getattr(info, "gated", False)),
        task=str(getattr(info, "pipeline_tag", None) or ""),
        context_length=_count(gguf.get("context_length")),
        chat_template=str(gguf.get("chat_template") or ""),
        parameters=_count(gguf.get("total")),
    )


def cause_of(error: Exception) -> DownloadCause:
    """What kind of failure an error of the hub's client is."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is None or status in (408, 429) or status >= 500:
        return "unreachable"
    return "denied" if status in (401, 403) else "not_found" if status == 404 else ""


def _refuse_compression() -> None:
    """Have the client of ``huggingface_hub`` unpack nothing: what is packed has no bound."""
    from huggingface_hub import get_session

    session = get_session()
    hooks = getattr(session, "event_hooks", None)  # versions before 1.0 have none
    if hooks is not None and _require_plain not in hooks["response"]:
        session.event_hooks = {**hooks, "response": [*hooks["response"], _require_plain]}


def _require_plain(response: Any) -> None:
    """Called with the head of an answer, before its body is read."""
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        problem = f"its answer is packed with {in_short(encoding)}, which was not asked for"
        raise HubError(str(response.url.host), problem)


def _count(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
