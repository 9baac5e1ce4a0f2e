"""The queue of downloads: several at once, in an order, to be paused and gone on with.

Owns which download runs when, and what becomes of it. Each runs on a thread of its own;
every method returns at once, from any thread, but ``wait``. What is fetched and how, is the
store's; two processes that want the same model wait for each other there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from airunner.config.queue_file import QueueFile
from airunner.durations import format_seconds
from airunner.errors import AiRunnerError, MissingWeightsError, UnknownRecordError
from airunner.events import DownloadChanged, DownloadProgressed, Event
from airunner.models.spec import ModelSpec
from airunner.weights.download import Download, Task, problem_in_words
from airunner.weights.store import ModelStore
from airunner.weights.transfer import DOWNLOAD

STALE_S = 10.0
"""After so many seconds without a byte, a rate says nothing any more."""

_CLOSING_S = 10.0
_KEPT = ("model", "task", "state", "problem", "detail")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Item:
    """A download, and the thread that is at it; ``at_s`` is when it last moved.

    ``tries`` is how often it has failed for want of a connection since bytes last came, and
    ``not_before_s`` when it may be tried again.
    """

    shown: Download
    cancel: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    at_s: float = 0.0
    error: BaseException | None = None
    tries: int = 0
    not_before_s: float = 0.0

    @property
    def waits(self) -> bool:
        """It may begin, if not now then soon."""
        return self.shown.state == "queued" and self.thread is None

    @property
    def has_ended(self) -> bool:
        """Nothing more happens, and no thread is at it."""
        return self.shown.has_ended and self.thread is None


class Downloads:
    """See the module's description.

    Args:
        store: gets the weights, and tells its bus of the bytes. The bus hears
            ``DownloadChanged`` as well.
        at_once: how many run at the same time.
        file: where the queue is kept over restarts; ``None`` keeps it in memory alone.
        retry_waits_s: how long one waits that failed for want of a connection before it is
            tried again by itself, the first time, the second and so on.
    """

    def __init__(
        self,
        store: ModelStore,
        *,
        at_once: int = 2,
        file: Path | None = None,
        retry_waits_s: Sequence[float] = (),
    ) -> None:
        self._store, self._at_once, self._retry_waits_s = store, at_once, retry_waits_s
        self._file = QueueFile(file, Download, _KEPT) if file is not None else None
        self._items: dict[str, _Item] = {}
        self._changes = threading.Condition(threading.RLock())
        self._told: dict[str, DownloadChanged] = {}
        self._closed = False
        self._unsubscribe = store.bus.subscribe(self._hear)

    def restore(self) -> None:
        """Go on with what an earlier process was at. Once, before anything is added."""
        if self._file is None:
            return
        with self._changing():
            for kept in self._file.read():
                ended = kept.state in ("done", "cancelled")
                if not ended and kept.model in self._store.catalog.registry:
                    if kept.state == "running":
                        kept = replace(kept, state="queued")
                    self._items[kept.model] = _Item(kept)

    def all(self) -> list[Download]:
        """Every download in its order: those that wait, in the order in which they begin."""
        with self._changes:
            places = self._places()
            return [self._shown(item, places) for item in self._items.values()]

    @property
    def free_bytes(self) -> int:
        """What is free on the disk that they go to."""
        return self._store.free_bytes

    def find(self, model: str) -> Download:
        """One download.

        Raises:
            UnknownRecordError: there is none of this model.
        """
        with self._changes:
            return self._shown(self._item(model), self._places())

    def add(self, model: str) -> Download:
        """Fetch a model's weights: behind all others, unless it is on its way already.

        One that failed or is paused is tried again.

        Raises:
            UnknownModelError: it is not registered.
        """
        return self._queue(self._store.catalog.spec(model), "fetch")

    def verify(self, model: str) -> Download:
        """Check the weights that are here, unless they are on their way.

        Raises:
            UnknownModelError: it is not registered.
            MissingWeightsError: they are not here.
        """
        spec = self._store.catalog.spec(model)
        if self._store.path(spec) is None:
            raise MissingWeightsError(model, [self._store.folder(spec)])
        return self._queue(spec, "verify")

    def pause(self, model: str) -> Download:
        """Stop one that runs or waits, and keep what has come.

        Raises:
            UnknownRecordError: there is none of this model.
        """
        with self._changing():
            item = self._item(model)
            if item.shown.state in ("queued", "running"):
                item.shown = replace(item.shown, state="paused", step="")
                item.cancel.set()
        return self.find(model)

    def resume(self, model: str) -> Download:
        """Go on with one that is paused, or try one that failed again, now; it keeps its place.

        Raises:
            UnknownRecordError: there is none of this model.
        """
        with self._changing():
            item = self._item(model)
            item.not_before_s = 0.0
            if item.shown.state not in ("queued", "running", "done"):
                item.tries = 0
                item.shown = replace(item.shown, state="queued", problem="", detail="", words="")
        return self.find(model)

    def cancel(self, model: str) -> Download:
        """Stop one for good and delete what has come of it; one that has ended is forgotten.

        Returns it as it is now, or was last.

        Raises:
            UnknownRecordError: there is none of this model.
        """
        with self._changing():
            item = self._item(model)
            if item.has_ended:
                last = self._shown(item, {})
                del self._items[model]
                return last
            item.shown = replace(item.shown, state="cancelled", step="", done_bytes=0)
            item.cancel.set()
            if item.thread is None:
                self._discard(item)
        return self.find(model)

    def move(self, model: str, place: int) -> Download:
        """Have one that waits begin as the ``place``-th of those that wait; 1 is the next.

        Raises:
            UnknownRecordError: there is none of this model.
        """
        with self._changing():
            item = self._item(model)
            waiting = [m for m, each in self._items.items() if each.waits and m != model]
            if item.waits:
                waiting.insert(max(0, place - 1), model)
            others = [m for m in self._items if m not in waiting]
            self._items = {m: self._items[m] for m in (*others, *waiting)}
        return self.find(model)

    def wait(self, model: str) -> Path:
        """Block until a download has ended; where its weights are.

        Raises:
            UnknownRecordError: there is none of this model, or it was cancelled.
            WeightsError, StorageError: it failed; see ``ModelStore.fetch``.
        """
        with self._changes:
            while not (item := self._item(model)).has_ended:
                self._changes.wait()
            if item.error is not None:
                raise item.error
            if item.shown.state == "cancelled":
                raise UnknownRecordError("download", model)
            return Path(item.shown.path)

    def close(self) -> None:
        """Stop all; what has come is kept, and ``restore`` goes on with it. Blocks for seconds."""
        with self._changes:
            self._closed = True
            self._unsubscribe()
            threads = [item.thread for item in self._items.values() if item.thread is not None]
            for item in self._items.values():
                item.cancel.set()
        for thread in threads:
            thread.join(_CLOSING_S)

    def _queue(self, spec: ModelSpec, task: Task) -> Download:
        model = spec.model_path
        with self._changing():
            known = self._items.get(model)
            if known is None or known.shown.state not in ("queued", "running"):
                thread = known.thread if known else None
                self._items.pop(model, None)
                self._items[model] = item = _Item(Download(model, task))
                item.thread = thread  # one that was just stopped frees its place first
        return self.find(model)

    def _item(self, model: str) -> _Item:
        item = self._items.get(model)
        if item is None:
            raise UnknownRecordError("download", model)
        return item

    def _places(self) -> dict[str, int]:
        waiting = [m for m, item in self._items.items() if item.shown.state == "queued"]
        return {model: place for place, model in enumerate(waiting, 1)}

    def _shown(self, item: _Item, places: dict[str, int]) -> Download:
        shown = replace(item.shown, place=places.get(item.shown.model))
        if shown.state != "running" or monotonic() - item.at_s > STALE_S:
            shown = replace(shown, bytes_per_s=None, left_s=None)
        return shown

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change something in the body; then begin what may begin, keep the queue, and tell."""
        with self._changes:
            yield
            self._begin()
            if self._file is not None and not self._closed:
                self._file.write(item.shown for item in self._items.values())
            news = self._news()
            self._changes.notify_all()
        for each in news:
            self._store.bus.publish(each)

    def _begin(self) -> None:
        running = sum(item.thread is not None for item in self._items.values())
        for model, item in self._items.items():
            if self._closed or running >= self._at_once:
                return
            if item.waits and monotonic() >= item.not_before_s:
                running += 1
                item.cancel, item.error = threading.Event(), None
                item.shown = replace(item.shown, state="running", problem="", detail="")
                name = f"{item.shown.task} {model}"
                item.thread = threading.Thread(target=self._run, args=(item,), name=name)
                item.thread.daemon = True
                item.thread.start()

    def _news(self) -> list[DownloadChanged]:
        places = self._places()
        now: dict[str, DownloadChanged] = {}
        for model, item in self._items.items():
            s = item.shown
            now[model] = DownloadChanged(
                model=model, task=s.task, state=s.state, place=places.get(model), problem=s.problem
            )
        known, self._told = self._told, now
        gone = [replace(known[m], state="forgotten", place=None) for m in known if m not in now]
        new = [e for m, e in now.items() if m not in known or replace(known[m], at_s=e.at_s) != e]
        return gone + new

    def _run(self, item: _Item) -> None:
        """On the download's own thread."""
        shown = item.shown
        model, path, words = shown.model, "", ""
        failure: Exception | None = None
        try:
            spec = self._store.catalog.spec(model)
            if shown.task == "verify":
                words = self._store.verify(spec, item.cancel).words
                path = str(self._store.path(spec) or "")
            else:
                path = str(self._store.fetch(spec, item.cancel))
        except (AiRunnerError, OSError) as error:
            failure = error
        except Exception as error:
            _log.exception("the download of %s broke off", model)
            failure = error
        with self._changing():
            now = self._items.get(model)
            if now is None:
                return
            now.thread = None
            if failure is None and now.shown.task == shown.task:
                total = now.shown.total_bytes
                done = total if total is not None else now.shown.done_bytes
                ended = replace(now.shown, state="done", path=path, words=words, done_bytes=done)
                now.shown = replace(ended, step="", problem="", detail="")
            elif now.shown.state == "running" and not self._closed and failure is not None:
                problem = problem_in_words(model, failure)
                now.shown = replace(now.shown, step="", problem=problem, detail=str(failure))
                self._fail(now, failure)
            elif now.shown.state == "cancelled":
                self._discard(now)

    def _fail(self, item: _Item, failure: Exception) -> None:
        """Have it wait for the connection to come back, or give it up."""
        waits = self._retry_waits_s[item.tries :]
        if getattr(failure, "cause", "") != "unreachable" or not waits:
            item.error, item.shown = failure, replace(item.shown, state="failed")
            return
        item.tries += 1
        item.not_before_s = monotonic() + waits[0]
        words = f"{item.shown.problem} It is tried again in {format_seconds(waits[0])}."
        item.shown = replace(item.shown, state="queued", problem=words)
        timer = threading.Timer(waits[0], self._look_again)
        timer.daemon = True
        timer.start()

    def _look_again(self) -> None:
        with self._changing():
            pass  # begins what may begin by now

    def _discard(self, item: _Item) -> None:
        if item.shown.task == "verify":
            return
        try:
            self._store.discard_unfinished(self._store.catalog.spec(item.shown.model))
        except AiRunnerError as error:
            item.shown = replace(item.shown, problem=str(error))

    def _hear(self, event: Event) -> None:
        """On the thread of the fetch that tells of its bytes."""
        if not isinstance(event, DownloadProgressed):
            return
        with self._changes:
            item = self._items.get(event.model)
            if item is not None and item.shown.state == "running":
                item.at_s = monotonic()
                item.tries = 0 if event.step == DOWNLOAD else item.tries
                item.shown = replace(
                    item.shown,
                    step=event.step,
                    done_bytes=event.done_bytes,
                    total_bytes=event.total_bytes,
                    bytes_per_s=event.bytes_per_s,
                    left_s=event.left_s,
                )
