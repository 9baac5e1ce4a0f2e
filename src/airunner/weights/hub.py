"""Files in a Hugging Face repository.

Owns turning a pattern into files, their sizes and hashes, through the
``huggingface_hub`` client, so ``HF_ENDPOINT``, ``HF_TOKEN`` and a login apply.
The bytes come through ``url``, which resumes and verifies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from airunner.errors import DownloadError
from airunner.models.spec import HubSource
from airunner.weights.split import complete_sets, matches
from airunner.weights.staging import sha256_of
from airunner.weights.transfer import Transfer
from airunner.weights.url import fetch_address

_SHOWN_NAMES = 6
_LISTING_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the repository. ``sha256`` is known for large files only."""

    name: str
    size_bytes: int | None
    sha256: str | None


def fetch_hub(
    transfer: Transfer,
    source: HubSource,
    endpoint: str | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch the file (or all parts of the split file) that the pattern means.

    Every file is checked against the hash the repository states, and against
    ``source.sha256`` where given (the first part's, for a split file). All
    parts come from one commit, even if the branch moves meanwhile.

    Returns:
        The file, or the first part.

    Raises:
        DownloadError: no such repository, access denied, no or several matches, other bytes.
        StorageError: the disk is full.
    """
    from huggingface_hub import hf_hub_url

    commit_id, files = list_repository(transfer, source.repo, source.revision, endpoint)
    chosen = _choose(transfer, source, files)
    set_bytes = total_bytes(chosen)
    headers = access_headers()
    before_bytes = 0
    paths: list[Path] = []
    for file in chosen:
        name = PurePosixPath(file.name).name
        path = transfer.folder / name
        if not is_here(path, file, transfer):
            promised = source.sha256 if source.sha256 and not paths else file.sha256
            path = fetch_address(
                transfer.part(before_bytes, set_bytes),
                hf_hub_url(source.repo, file.name, revision=commit_id, endpoint=endpoint),
                name,
                sha256=promised,
                label=f"{source.repo}/{file.name}",
                headers=headers,
                retry_wait_s=retry_wait_s,
            )
        before_bytes += file.size_bytes or 0
        paths.append(path)
    return paths[0]


def access_headers() -> dict[str, str]:
    """The user's token, where there is one."""
    from huggingface_hub import get_token

    token = get_token()
    return {"Authorization": f"Bearer {token}"} if token else {}


def total_bytes(files: Sequence[RemoteFile]) -> int | None:
    """Bytes of all files together, ``None`` if the size of one is not known."""
    sizes = [file.size_bytes for file in files]
    return sum(size for size in sizes if size is not None) if None not in sizes else None


def list_repository(
    transfer: Transfer, repo: str, revision: str, endpoint: str | None
) -> tuple[str, list[RemoteFile]]:
    """The commit that ``revision`` names now, and its files.

    Raises:
        DownloadError: no such repository, access denied, or no connection.
    """
    from huggingface_hub import HfApi

    try:
        info = HfApi(endpoint=endpoint).model_info(
            repo,
            revision=revision,
            files_metadata=True,
            timeout=_LISTING_TIMEOUT_S,
        )
    # The client lets errors of its HTTP library through, and which library that
    # is differs between its versions; any failure here means "no listing".
    except Exception as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        raise DownloadError(transfer.model, repo, problem) from error
    files = [
        RemoteFile(
            sibling.rfilename,
            sibling.size,
            sibling.lfs.sha256 if sibling.lfs is not None else None,
        )
        for sibling in info.siblings or []
    ]
    return info.sha or revision, files


def is_here(path: Path, file: RemoteFile, transfer: Transfer) -> bool:
    """Whether an interrupted fetch already brought this part, and of this commit."""
    return (
        file.sha256 is not None
        and path.is_file()
        and path.stat().st_size == file.size_bytes
        and sha256_of(path, transfer) == file.sha256
    )


def _choose(transfer: Transfer, source: HubSource, files: list[RemoteFile]) -> list[RemoteFile]:
    """The one model that the pattern means."""
    by_name = {file.name: file for file in files}
    sets = complete_sets(name for name in by_name if matches(name, source.pattern))
    if len(sets) != 1:
        found = [parts[0] for parts in sets] or sorted(n for n in by_name if n.endswith(".gguf"))
        listed = ", ".join(found[:_SHOWN_NAMES]) or "no GGUF file at all"
        problem = "matches no file" if not sets else f"matches {len(sets)} files, must be one"
        raise DownloadError(
            transfer.model, source.repo, f"{source.pattern!r} {problem}; there is {listed}"
        )
    return [by_name[name] for name in sets[0]]
