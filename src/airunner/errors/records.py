"""The errors about what a program asks of the records; ``airunner.errors`` draws the tree."""

from __future__ import annotations

from airunner.errors.base import AiRunnerError


class RecordError(AiRunnerError):
    """Base of errors about what a program asks of the records."""


class UnknownRecordError(RecordError):
    """Nothing is kept under this id; ``kind`` is what was looked for."""

    def __init__(self, kind: str, id: str) -> None:
        self.kind, self.id = kind, id
        super().__init__(f"There is no {kind} {id!r}.")


class UnusableRecordError(RecordError):
    """Something that cannot be kept as it is asked for; ``kind`` is what it would be."""

    def __init__(self, kind: str, problem: str) -> None:
        self.kind, self.problem = kind, problem
        super().__init__(f"This {kind} cannot be used: {problem}.")


class ConversationBusyError(RecordError):
    """A conversation has one turn at a time."""

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        super().__init__(
            "An answer is still being written in this conversation; wait for it, or stop it."
        )


class PictureUnreadableError(RecordError):
    """A picture of the gallery that cannot be shown: damaged, or too large."""

    def __init__(self, name: str, problem: str) -> None:
        self.name, self.problem = name, problem
        super().__init__(f"{name} cannot be shown: {problem}.")
