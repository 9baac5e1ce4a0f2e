"""What a tool's body may ask of AI Runner: the type of its ``api`` argument.

Owns protocols only. The agent loop makes the object; the runtime does the work.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from airunner.engines.image import Drawn, ImageRequest
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.tools.files_folder import FilesFolder

if TYPE_CHECKING:
    from airunner.records.records import Records
    from airunner.tools.system_view import SystemView


class SpecialistHandle(Protocol):
    """A specialised model held for several uses, until closed or the tool returns."""

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        """The model's answer to ``prompt``; blocks until it is complete.

        Each call continues the dialogue of those before, unless ``remember`` is
        false: then it neither sees them nor is seen by those after.

        Raises:
            EngineError: the model could not answer.
            LeaseError: the handle is closed.
        """
        ...

    def close(self) -> None:
        """Give the model's memory back. Closing twice is harmless."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Specialists(Protocol):
    """Use of specialised models. Every method may be called from any thread, and blocks."""

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        """One answer of at most ``max_tokens``; ``None`` if the model could not be used."""
        ...

    def load_specialized_model(
        self, capability: ModelCapability, return_to_primary: bool = True
    ) -> SpecialistHandle | None:
        """Hold a model for many uses; ``None`` if it could not be loaded."""
        ...

    def series(self) -> AbstractContextManager[None]:
        """Inside the body several models are used one after another.

        A primary that had to leave comes back when the body ends, not between them.
        """
        ...

    def prepare_drawing(self) -> None:
        """A drawing follows in this series: what it needs may start, if its memory is free now.

        Returns at once. Nothing has to be given back; the end of the series does.
        """
        ...

    def draws_plain_words(self) -> bool:
        """Whether the model that draws understands plain words alone, which need no enhancing."""
        ...

    def draw(self, request: ImageRequest) -> Drawn:
        """Draw with the model that serves ``IMAGE_GENERATION`` and save to the pictures folder.

        The runtime names the files and fills in the model's defaults.

        Raises:
            AiRunnerError: see ``ImageModel.draw`` and ``ModelTeam.lease``.
        """
        ...

    @property
    def pictures(self) -> PicturesFolder:
        """Where pictures are kept."""
        ...


class ToolApi(Specialists, Protocol):
    """The ``api`` argument of a tool."""

    def report(self, text: str) -> None:
        """Tell the user how far the work is, in a few words."""
        ...

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for the result any more; a long tool should look and stop."""
        ...

    @property
    def conversation(self) -> str:
        """The id of the conversation that the call belongs to; empty outside of one."""
        ...

    def forbids(self, argument: str, value: str) -> bool:
        """Whether a rule denies this call with ``value`` for an argument that is resolved.

        For what the call comes by: a file in the folder that it goes through.
        """
        ...

    def covers(self, argument: str, value: str) -> bool:
        """Whether what was allowed for this call holds for ``value`` too.

        For what the call leads on to: the place a web address redirects to.
        """
        ...

    def switch_to(self, conversation: str) -> None:
        """Let the user's next message go to the conversation with this id."""
        ...

    @property
    def files(self) -> FilesFolder:
        """The one folder whose files tools may use."""
        ...

    @property
    def records(self) -> Records:
        """What is remembered: conversations, notes, facts, reminders."""
        ...

    @property
    def system(self) -> SystemView:
        """What may be known of the models, the memory and the decisions made about them."""
        ...
