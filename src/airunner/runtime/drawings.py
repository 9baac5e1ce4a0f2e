"""The queue of drawings: one after the other, each with its last preview.

Owns their order and what became of each, also over a restart: what waited is drawn then, and
one that was broken off says so. How a picture is drawn and saved is ``image_service``'s.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

from airunner.config.queue_file import QueueFile
from airunner.engines.image import ImageRequest
from airunner.errors import AiRunnerError, ImageRequestError, UnknownRecordError
from airunner.errors.system_words import system_words
from airunner.events import DrawingChanged, Event, EventBus, ImageStepped
from airunner.runtime.image_service import ImageService

INTERRUPTED = "AI Runner ended while this was drawn; draw it again"
MOST_WAITING = 1_000
KEPT_ENDED = 50
"""Drawings that have ended and are remembered; their pictures stay in the folder."""

_KEPT = ("id", "request", "model", "state", "problem")
_CLOSING_S = 0.05
"""How soon a stop that may wait no longer is noticed."""

_log = logging.getLogger(__name__)
State = Literal["queued", "running", "done", "failed", "cancelled"]
_UNDONE = ("queued", "running", "failed")


@dataclass(frozen=True, slots=True)
class Drawing:
    """One drawing of the queue.

    Attributes:
        id: also the ``owner`` of its events.
        request: what is drawn.
        model: the image model by name; ``None`` is the one that is mapped.
        state: where it is.
        place: 1 is the next to begin; ``None`` if it does not wait.
        step: denoising steps that are done, of ``steps``.
        previews: how many there were; the last one can be had.
        pictures: names in the pictures folder, once it is done.
        seconds: how long it took.
        problem: what went wrong, in words.
    """

    id: str
    request: ImageRequest
    model: str | None = None
    state: State = "queued"
    place: int | None = None
    step: int = 0
    steps: int = 0
    previews: int = 0
    pictures: tuple[str, ...] = ()
    seconds: float = 0.0
    problem: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("queued", "running")


class Drawings:
    """See the module's description. Made and used on the loop that serves."""

    def __init__(self, images: ImageService, bus: EventBus, file: Path) -> None:
        self._images, self._bus = images, bus
        self._file = QueueFile(file, Drawing, _KEPT)
        self._closing = False
        self._known: dict[str, Drawing] = {}
        self._previews: dict[str, bytes] = {}
        self._told: dict[str, DrawingChanged] = {}
        self._worker: asyncio.Task[None] | None = None
        self._drawing: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Go on with what an earlier process was at. Once, before anything is added."""
        with self._changing():
            for kept in self._file.read()[:MOST_WAITING]:
                if kept.state == "running":
                    kept = replace(kept, state="failed", problem=INTERRUPTED)
                self._known[kept.id] = kept
        self._go_on()

    @property
    def files(self) -> set[Path]:
        """What drawings begin with that have not been drawn."""
        requests = [each.request for each in self._known.values() if each.state in _UNDONE]
        return {path for each in requests for path in (each.init_image, each.mask) if path}

    def add(self, request: ImageRequest, model: str | None = None) -> Drawing:
        """Queue a drawing behind all others.

        Raises:
            ImageRequestError: it names its own files, or has no words, or too many wait.
        """
        problem = "it names its own files" if request.targets else ""
        if not request.prompt.strip():
            problem = "say what to draw"
        elif len(self._places()) >= MOST_WAITING:
            problem = f"{MOST_WAITING:,} drawings wait already; wait for some, or cancel them"
        if problem:
            raise ImageRequestError(model or "the image model", problem)
        drawing = Drawing(f"drawing_{uuid4().hex[:16]}", request, model)
        with self._changing():
            self._known[drawing.id] = drawing
        self._go_on()
        return self.find(drawing.id)

    def all(self) -> list[Drawing]:
        """Every drawing: those that have ended, the one that runs, those that wait in order."""
        places = self._places()
        return [replace(each, place=places.get(each.id)) for each in self._known.values()]

    def find(self, id: str) -> Drawing:
        """One drawing.

        Raises:
            UnknownRecordError: there is none, or it ended long ago.
        """
        drawing = self._known.get(id)
        if drawing is None:
            raise UnknownRecordError("drawing", id)
        return replace(drawing, place=self._places().get(id))

    def preview(self, id: str) -> bytes:
        """The last preview as PNG, at most 64 px, of one that runs.

        Raises:
            UnknownRecordError: there is none, or none yet.
        """
        found = self._previews.get(id)
        if found is None:
            raise UnknownRecordError("preview", id)
        return found

    def move(self, id: str, place: int) -> Drawing:
        """Have one that waits begin as the ``place``-th of those that wait; 1 is the next.

        One that failed is drawn again.

        Raises:
            UnknownRecordError: there is none.
        """
        drawing = self.find(id)
        waiting = [each for each in self._places() if each != id]
        if drawing.state in ("queued", "failed"):
            waiting.insert(max(0, place - 1), id)
        others = [each for each in self._known if each not in waiting]
        with self._changing():
            if drawing.state == "failed":
                self._known[id] = Drawing(id, drawing.request, drawing.model)
            self._known = {each: self._known[each] for each in (*others, *waiting)}
        self._go_on()
        return self.find(id)

    def cancel(self, id: str) -> Drawing:
        """End a drawing within a step, and leave no file; one that has ended is forgotten.

        Returns it as it is now, or was last.

        Raises:
            UnknownRecordError: there is none.
        """
        drawing = self.find(id)
        with self._changing():
            if drawing.has_ended:
                del self._known[id]
                return drawing
            self._known[id] = replace(drawing, state="cancelled", place=None)
            if drawing.state == "running" and self._drawing is not None:
                self._drawing.cancel()
        return self.find(id)

    async def close(self, patience_s: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Begin no other, and let the one that runs end, for so long or until ``hurry``.

        What is not drawn then is as it would be after a crash: see ``restore``.
        """
        self._closing = True
        if self._worker is not None:
            self._worker.cancel()
        drawing, now_s = self._drawing, asyncio.get_running_loop().time
        ends_s = now_s() + patience_s
        while drawing is not None and not drawing.done():
            if hurry() or now_s() >= ends_s:
                drawing.cancel()
            await asyncio.wait([drawing], timeout=_CLOSING_S)

    def _go_on(self) -> None:
        is_idle = self._worker is None or self._worker.done()
        if is_idle and not self._closing and self._places():
            self._worker = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        while waiting := list(self._places()):
            self._drawing = asyncio.get_running_loop().create_task(self._draw(waiting[0]))
            await asyncio.wait([self._drawing])

    async def _draw(self, id: str) -> None:
        drawing = self._known.get(id)
        if drawing is None or drawing.state != "queued":  # cancelled before this began
            return
        self._set(id, state="running")
        unsubscribe = self._bus.subscribe(lambda e: self._step(id, e))
        try:
            drawn = await self._images.draw(drawing.request, owner=id, model=drawing.model)
            names = tuple(picture.path.name for picture in drawn.pictures)
            self._set(id, state="done", pictures=names, seconds=drawn.seconds)
        except asyncio.CancelledError:
            if self._closing and id in self._known and self._known[id].state == "running":
                self._set(id, state="failed", problem=INTERRUPTED)
            else:
                self._set(id, state="cancelled")
            raise
        except (AiRunnerError, OSError) as error:
            self._set(id, state="failed", problem=system_words(error))
        except Exception as error:
            _log.exception("a drawing broke off")
            self._set(id, state="failed", problem=str(error) or type(error).__name__)
        finally:
            unsubscribe()
            self._previews.pop(id, None)
            self._forget_old()

    def _step(self, id: str, event: Event) -> None:
        if not isinstance(event, ImageStepped) or event.owner != id:
            return
        drawing = self._known.get(id)
        if drawing is None:
            return
        shown = drawing.previews
        if event.preview_png is not None:
            self._previews[id] = event.preview_png
            shown += 1
        self._known[id] = replace(drawing, step=event.step, steps=event.steps, previews=shown)

    def _set(
        self,
        id: str,
        state: State,
        pictures: tuple[str, ...] = (),
        seconds: float = 0.0,
        problem: str = "",
    ) -> None:
        drawing = self._known.get(id)
        if drawing is None:  # cancelled and forgotten meanwhile
            return
        with self._changing():
            self._known[id] = replace(
                drawing, state=state, pictures=pictures, seconds=seconds, problem=problem
            )

    def _places(self) -> dict[str, int]:
        waiting = [each.id for each in self._known.values() if each.state == "queued"]
        return {id: place for place, id in enumerate(waiting, 1)}

    def _forget_old(self) -> None:
        ended = [each.id for each in self._known.values() if each.has_ended]
        with self._changing():
            for id in ended[:-KEPT_ENDED]:
                del self._known[id]

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change something in the body, then tell what is another than before."""
        yield
        self._file.write(each for each in self._known.values() if each.state in _UNDONE)
        places = self._places()
        known, self._told = self._told, {}
        for id, each in self._known.items():
            told = DrawingChanged(
                owner=id, state=each.state, place=places.get(id), problem=each.problem
            )
            self._told[id] = told
            if id not in known or replace(known[id], at_s=told.at_s) != told:
                self._bus.publish(told)
        for id in known.keys() - self._told.keys():
            self._bus.publish(replace(known[id], state="forgotten", place=None))
