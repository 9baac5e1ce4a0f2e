"""What the hub says of a repository before anything is fetched: files, sizes, terms.

Owns that question and its failures in plain words; fetching is ``airunner.weights.hub``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from airunner.errors import DownloadError
from airunner.models.files.split import complete_sets, matches
from airunner.weights.hub import RemoteFile, cause_of
from airunner.weights.hub_session import model_info


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository at one commit.

    Attributes:
        name: ``publisher/name``.
        commit_id: the commit that was asked about.
        files: every file, with its bytes where they are known.
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

    def matching(self, patterns: Sequence[str]) -> list[str]:
        """Files that shell patterns mean, by their whole paths."""
        return [f.name for f in self.files if any(fnmatchcase(f.name, p) for p in patterns)]


def look_up(repo: str, revision: str = "main", endpoint: str | None = None) -> Repository:
    """Ask the hub about a repository; blocks, for a minute at most.

    ``endpoint`` is the address of a mirror; ``None`` follows ``HF_ENDPOINT``.

    Raises:
        DownloadError: there is no connection, no such repository, or it is not for this user.
    """
    from huggingface_hub.errors import HFValidationError

    try:
        info = model_info(repo, revision, endpoint)
    except HFValidationError as error:
        raise DownloadError(repo, repo, "a repository is named publisher/name") from error
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
    try:
        return _repository(repo, revision, info)
    except (TypeError, ValueError, AttributeError) as error:
        raise DownloadError(repo, repo, f"what answers is no hub: {error}") from error


def _repository(repo: str, revision: str, info: Any) -> Repository:
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
        license=str(card.get("license") or ""),
        gated=bool(getattr(info, "gated", False)),
        task=str(getattr(info, "pipeline_tag", None) or ""),
        context_length=_count(gguf.get("context_length")),
        chat_template=str(gguf.get("chat_template") or ""),
        parameters=_count(gguf.get("total")),
    )


def _count(value: object) -> int | None:
    return value if type(value) is int and value > 0 else None
