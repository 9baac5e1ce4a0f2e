"""What the body of a tool may ask for during one call: the ``api`` that it is given.

Owns that a call which was given up gets no models any more. What is asked for is done by
the runtime, and by the facilities that all calls share.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airunner.agent.approvals import Grant
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import LeaseRefusedError, ToolFailedError
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.tools.api import SpecialistHandle, Specialists
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.passages import head_and_tail

if TYPE_CHECKING:
    from airunner.records.records import Records
    from airunner.tools.system_view import SystemView

_REPORT_TOKENS = 200


class CallApi:
    """The ``api`` of one call. After the call was given up, models are no longer to be had.

    ``drawing`` is true while a picture is being drawn.
    """

    def __init__(
        self,
        specialists: Specialists | None,
        on_report: Callable[[str], None],
        facilities: Facilities | None,
        conversation: str,
        on_switch: Callable[[str], None],
        grant: Grant,
    ) -> None:
        self._grant = grant
        self._specialists, self._on_report = specialists, on_report
        self._facilities, self.conversation = facilities, conversation
        self._on_switch = on_switch
        self._cancelled = threading.Event()
        self.drawing = False

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for the result."""
        return self._cancelled.is_set()

    def cancel(self) -> None:
        """Tell the tool that its result is not wanted any more."""
        self._cancelled.set()

    def report(self, text: str) -> None:
        """Tell the user how far the work is."""
        if not self.cancelled:
            self._on_report(head_and_tail(str(text), _REPORT_TOKENS))

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            return None
        return self._specialists.use_specialized_model(capability, prompt, max_tokens=max_tokens)

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            return None
        return self._specialists.load_specialized_model(
            capability, return_to_primary=return_to_primary
        )

    @contextmanager
    def series(self) -> Iterator[None]:
        """See ``Specialists``."""
        if self._specialists is None or self.cancelled:
            yield
        else:
            with self._specialists.series():
                yield

    def prepare_drawing(self) -> None:
        """See ``Specialists``."""
        if self._specialists is not None and not self.cancelled:
            self._specialists.prepare_drawing()

    def draws_plain_words(self) -> bool:
        """See ``Specialists``."""
        return self._models().draws_plain_words()

    def draw(self, request: ImageRequest) -> Drawn:
        """See ``Specialists``."""
        self.drawing = True
        try:
            return self._models().draw(request)
        finally:
            self.drawing = False

    @property
    def pictures(self) -> PicturesFolder:
        """See ``Specialists``."""
        return self._models().pictures

    def forbids(self, argument: str, value: str) -> bool:
        """See ``ToolApi``."""
        return self._grant.forbids(argument, value, self._folder())

    def covers(self, argument: str, value: str) -> bool:
        """See ``ToolApi``."""
        return self._grant.covers(argument, value, self._folder())

    def switch_to(self, conversation: str) -> None:
        """See ``ToolApi``."""
        if not self.cancelled:
            self._on_switch(conversation)

    @property
    def files(self) -> FilesFolder:
        """See ``ToolApi``."""
        names = [meaning.text for meaning in self._grant.call.meanings.values()]
        return self._given().files.as_meant(names)

    @property
    def records(self) -> Records:
        """See ``ToolApi``."""
        return self._given().records

    @property
    def system(self) -> SystemView:
        """See ``ToolApi``."""
        return self._given().system

    def _folder(self) -> FilesFolder | None:
        return self._facilities.files if self._facilities is not None else None

    def _given(self) -> Facilities:
        if self._facilities is None:
            problem = "this agent was made without files, records and a view of the system"
            raise ToolFailedError("the tool", problem)
        return self._facilities

    def _models(self) -> Specialists:
        if self._specialists is None or self.cancelled:
            problem = "this call was given up, or runs without models"
            raise LeaseRefusedError("an image model", problem)
        return self._specialists
