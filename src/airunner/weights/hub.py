"""Files in a Hugging Face repository: one model's, or a folder of files that need each other.

Owns which files are meant, and when a set of them is complete. What there is says
``hub_listing``; the bytes come through ``url``, which says why.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from airunner.errors import DownloadError, HubError
from airunner.errors.base import in_short
from airunner.errors.writing import writing
from airunner.models.engine_traits import WeightsForm
from airunner.models.spec import HubFolderSource, HubSource
from airunner.weights.connections import Connections
from airunner.weights.fetch_problem import HUB, fetch_problem, missing
from airunner.weights.file_name import is_fit_path
from airunner.weights.hub_api import hub_client
from airunner.weights.hub_listing import RemoteFile, Repository, repository_at
from airunner.weights.staging import sha256_of
from airunner.weights.transfer import Transfer
from airunner.weights.url import fetch_address

_SHOWN_NAMES = 6
_FOLDER = "pipeline"


def fetch_hub(
    transfer: Transfer,
    source: HubSource,
    endpoint: str | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch the file (or all parts of the split file) that the pattern means.

    Every file is checked against the size and hash that the repository states, and against
    ``source.sha256`` where given (the first part's, for a split file). All
    parts come from one commit, even if the branch moves meanwhile.

    Returns:
        The file, or the first part.

    Raises:
        DownloadError: no such repository, access denied, no or several matches, other bytes.
        StorageError: the disk is full.
    """
    listing = _list(transfer, source.repo, source.revision, endpoint)
    chosen = _choose_model(transfer, source, listing)
    if source.sha256:
        chosen[0] = RemoteFile(chosen[0].name, chosen[0].size_bytes, source.sha256.lower())
    paths = [transfer.folder / PurePosixPath(file.name).name for file in chosen]
    _fetch_all(transfer, listing, dict(zip(chosen, paths, strict=True)), retry_wait_s)
    return paths[0]


def find_hub_folder(folder: Path, form: WeightsForm) -> Path | None:
    """The complete folder in a model's folder.

    It gets its name only once every file is there and verified.
    """
    final = folder / _FOLDER
    return final if form.is_folder(final) else None


def fetch_hub_folder(
    transfer: Transfer,
    source: HubFolderSource,
    form: WeightsForm,
    endpoint: str | None = None,
    retry_wait_s: float = 1.0,
) -> Path:
    """Fetch every file that a pattern means to the same place below the model's folder.

    All files come from one commit, each checked against the size and hash that the
    repository states for it. They gather in a folder of the commit's own, which is
    renamed at the end; a fetch that broke off goes on with the file it was at,
    unless the repository has moved to another commit meanwhile.

    Returns:
        The folder, complete.

    Raises:
        DownloadError: no such repository, access denied, a pattern without a
            match, no index among the matches, other bytes than promised.
        StorageError: the disk is full.
    """
    listing = _list(transfer, source.repo, source.revision, endpoint)
    chosen = _choose_folder(transfer, source, listing, form.index)
    digest = hashlib.sha256(listing.commit_id.encode()).hexdigest()
    staged, final = transfer.staging / digest[:16], transfer.folder / _FOLDER
    if not staged.is_dir():
        shutil.rmtree(transfer.staging, ignore_errors=True)
    places = {file: staged / file.name for file in chosen}
    _fetch_all(transfer, listing, places, retry_wait_s, of_commit=True)
    with writing(final):
        if final.exists():
            shutil.rmtree(final)
        staged.rename(final)
        shutil.rmtree(transfer.staging)
    return final


def _fetch_all(
    transfer: Transfer,
    listing: Repository,
    places: Mapping[RemoteFile, Path],
    retry_wait_s: float,
    of_commit: bool = False,
) -> None:
    """Fetch each file to its place.

    ``of_commit`` says that all places are of the commit that is asked for, and of it alone.

    Raises:
        DownloadError: other bytes than promised, or a name that leads out of the folder.
        StorageError: the disk is full.
    """
    from huggingface_hub import get_token

    for file in places:
        if not is_fit_path(file.name):
            problem = f"{in_short(file.name)} leads out of the folder, or is no name to keep"
            raise DownloadError(transfer.model, listing.name, problem)
    parts = {
        path: path.with_name(f"{path.name}.part")
        if of_commit
        else transfer.staging / f"{path.name}.part"
        for path in places.values()
    }
    sizes = [file.size_bytes for file in places]
    set_bytes = sum(size or 0 for size in sizes)
    with writing(transfer.staging):
        transfer.staging.mkdir(parents=True, exist_ok=True)
    here_bytes = sum(p.stat().st_size for pair in parts.items() for p in pair if p.is_file())
    transfer.claim_space(transfer.staging, max(0, set_bytes - here_bytes))
    token = get_token()
    before_bytes = 0
    for file, path in places.items():
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        if not _is_here(path, file, transfer, of_commit):
            fetch_address(
                transfer.part(before_bytes, None if None in sizes else set_bytes),
                listing.address(file.name),
                path,
                parts[path],
                sha256=file.sha256,
                label=f"{listing.name}/{file.name}",
                n_bytes=file.size_bytes,
                headers={"Authorization": f"Bearer {token}"} if token else None,
                retry_wait_s=retry_wait_s,
            )
        if file.sha256 is not None:
            place = f"{_FOLDER}/{file.name}" if of_commit else path.name
            transfer.verified[place] = file.sha256
        before_bytes += file.size_bytes or 0


def _is_here(path: Path, file: RemoteFile, transfer: Transfer, of_commit: bool) -> bool:
    """Whether an interrupted fetch already brought this file, and of this commit."""
    if not path.is_file() or path.stat().st_size != file.size_bytes:
        return False
    return of_commit if file.sha256 is None else sha256_of(path, transfer) == file.sha256


def _list(transfer: Transfer, repo: str, revision: str, endpoint: str | None) -> Repository:
    """The repository at the commit that ``revision`` names now.

    Raises:
        DownloadError: no such repository, access denied, or no connection.
    """

    def asked(connections: Connections) -> Repository:
        with hub_client(endpoint, connections) as client:
            return repository_at(client, repo, revision, endpoint)

    try:
        return transfer.interruptible(asked)
    except HubError as error:
        page = f"{endpoint or HUB}/{repo}"
        is_missing = error.cause in ("denied", "not_found")
        problem = missing(page) if is_missing else fetch_problem(error, page)
        raise DownloadError(transfer.model, repo, problem, error.cause) from error


def _choose_model(transfer: Transfer, source: HubSource, listing: Repository) -> list[RemoteFile]:
    """The one model that the pattern means."""
    by_name = {file.name: file for file in listing.files}
    sets = listing.models(source.pattern)
    if len(sets) != 1:
        found = [parts[0] for parts in sets] or sorted(n for n in by_name if n.endswith(".gguf"))
        problem = "matches no file" if not sets else f"matches {len(sets)} files, must be one"
        listed = _listed(found) or "no GGUF file at all"
        raise DownloadError(
            transfer.model,
            source.repo,
            f"{source.pattern!r} {problem}; there is {listed}",
            "not_found",
        )
    return [by_name[name] for name in sets[0]]


def _choose_folder(
    transfer: Transfer, source: HubFolderSource, listing: Repository, index: str
) -> list[RemoteFile]:
    """The files wanted, small ones first, so that what is wrong shows early."""
    names = set(listing.matching(source.patterns))
    if index not in names or len(names) < 2:
        listed = _listed(sorted(f.name for f in listing.files)) or "no file at all"
        problem = f"its patterns match no folder with a {index}; there is {listed}"
        raise DownloadError(transfer.model, source.repo, problem, "not_found")
    chosen = [file for file in listing.files if file.name in names]
    return sorted(chosen, key=lambda file: (file.size_bytes or 0, file.name))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN_NAMES])
