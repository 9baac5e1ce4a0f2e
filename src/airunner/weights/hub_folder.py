"""Files of a Hugging Face repository that only work together: an image pipeline's folder.

Owns which files are wanted, where each goes, and when the set is complete. The
listing is ``hub``'s, the bytes come through ``url``, which resumes and verifies.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from airunner.errors import DownloadError
from airunner.models.engine_traits import WeightsForm
from airunner.models.spec import HubFolderSource
from airunner.weights.hub import (
    RemoteFile,
    access_headers,
    is_here,
    list_repository,
    total_bytes,
)
from airunner.weights.staging import require_space, writing
from airunner.weights.transfer import Transfer
from airunner.weights.url import fetch_address

_FINAL, _STAGED = "pipeline", "pipeline"
_COMMIT = "commit.json"
_SHOWN_NAMES = 6


def find_hub_folder(folder: Path, form: WeightsForm) -> Path | None:
    """The complete folder in a model's folder.

    It gets its name only once every file is there and verified.
    """
    final = folder / _FINAL
    return final if form.is_folder(final) else None


def fetch_hub_folder(
    transfer: Transfer,
    source: HubFolderSource,
    form: WeightsForm,
    endpoint: str | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch every file that a pattern means to the same place below the model's folder.

    All files come from one commit, each checked against the hash that the
    repository states for it. They gather in the staging folder, which is
    renamed at the end; a fetch that broke off goes on with the file it was at,
    unless the repository has moved to another commit meanwhile.

    Returns:
        The folder, complete.

    Raises:
        DownloadError: no such repository, access denied, a pattern without a
            match, no index among the matches, other bytes than promised.
        StorageError: the disk is full.
    """
    from huggingface_hub import hf_hub_url

    commit_id, files = list_repository(transfer, source.repo, source.revision, endpoint)
    chosen = _choose(transfer, source, files, form.index)
    staged = transfer.staging / _STAGED
    _begin(staged, commit_id)
    set_bytes = total_bytes(chosen)
    if set_bytes is not None:
        here = sum(p.stat().st_size for p in transfer.staging.rglob("*") if p.is_file())
        require_space(transfer.staging, max(0, set_bytes - here))
    headers = access_headers()
    before_bytes = 0
    for file in chosen:
        path = staged / PurePosixPath(file.name)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not (is_here(path, file, transfer) or _is_small_and_here(path, file)):
            fetch_address(
                transfer.part(before_bytes, set_bytes).into(path.parent),
                hf_hub_url(source.repo, file.name, revision=commit_id, endpoint=endpoint),
                path.name,
                sha256=file.sha256,
                label=f"{source.repo}/{file.name}",
                headers=headers,
                retry_wait_s=retry_wait_s,
            )
        before_bytes += file.size_bytes or 0
    return _finish(staged, transfer.folder / _FINAL)


def _choose(
    transfer: Transfer, source: HubFolderSource, files: Sequence[RemoteFile], index: str
) -> list[RemoteFile]:
    """The files wanted, small ones first, so that what is wrong shows early."""
    chosen = [f for f in files if any(fnmatchcase(f.name, p) for p in source.patterns)]
    names = {file.name for file in chosen}
    for name in names:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise DownloadError(transfer.model, source.repo, f"{name!r} leads out of the folder")
    if index not in names or len(names) < 2:
        listed = ", ".join(sorted(f.name for f in files)[:_SHOWN_NAMES]) or "no file at all"
        problem = f"its patterns match no folder with a {index}; there is {listed}"
        raise DownloadError(transfer.model, source.repo, problem)
    return sorted(chosen, key=lambda file: (file.size_bytes or 0, file.name))


def _begin(staged: Path, commit_id: str) -> None:
    """Make the staging folder, empty if what is in it belongs to another commit."""
    note = staged.with_name(_COMMIT)
    with writing(staged):
        try:
            same = json.loads(note.read_text("utf-8")) == commit_id
        except (OSError, ValueError):
            same = False
        if not same and staged.exists():
            shutil.rmtree(staged)
        staged.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(commit_id), "utf-8")


def _is_small_and_here(path: Path, file: RemoteFile) -> bool:
    """Whether a file without a stated hash is here; it belongs to this commit (see ``_begin``)."""
    return file.sha256 is None and path.is_file() and path.stat().st_size == file.size_bytes


def _finish(staged: Path, final: Path) -> Path:
    """Give the complete set its name; what an interrupted removal left there goes."""
    with writing(final):
        for leftover in list(staged.rglob(".partial")):
            shutil.rmtree(leftover)
        if final.exists():
            shutil.rmtree(final)
        staged.rename(final)
        staged.with_name(_COMMIT).unlink(missing_ok=True)
    return final
