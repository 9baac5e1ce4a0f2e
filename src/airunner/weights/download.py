"""One download as people are shown it, and what goes wrong with one in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from airunner.config.byte_size import format_bytes
from airunner.errors import (
    CorruptWeightsError,
    DownloadError,
    MissingWeightsError,
    StorageError,
)

Task = Literal["fetch", "verify"]
State = Literal["queued", "running", "paused", "done", "failed", "cancelled"]

ENDED: tuple[State, ...] = ("done", "failed", "cancelled")

_WORDS = {
    "unreachable": "{source} cannot be reached. Check the connection; what has come is kept.",
    "denied": (
        "{source} lets nobody in without permission: accept the model's conditions on its page, "
        "then set HF_TOKEN to a token of yours."
    ),
    "not_found": "There is no such file at {source}.",
    "damaged": (
        "What came from {source} is not what was published, so it is not used. "
        "Remove the model and fetch it again."
    ),
}


@dataclass(frozen=True, slots=True)
class Download:
    """One model of the queue, and how far it is.

    Attributes:
        model: the registry's name.
        task: getting the weights, or checking those that are here.
        state: where it is.
        place: 1 is the next to begin; ``None`` if it does not wait.
        step: what happens now, such as ``download`` or ``verify``.
        done_bytes: of this step, or ``total_bytes`` when done.
        total_bytes: ``None`` where nobody knows.
        bytes_per_s: of late; ``None`` if nothing came.
        left_s: seconds until this step is done; ``None`` if nobody can say.
        path: where the weights are, once they are.
        words: how it ended, in a plain sentence; empty while it has not.
        problem: what went wrong, in a plain sentence with what to do about it.
        detail: the same in the words of the source or the system.
    """

    model: str
    task: Task = "fetch"
    state: State = "queued"
    place: int | None = None
    step: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None
    bytes_per_s: float | None = None
    left_s: float | None = None
    path: str = ""
    words: str = ""
    problem: str = ""
    detail: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen unless somebody asks for it."""
        return self.state in ENDED


def problem_in_words(model: str, error: BaseException) -> str:
    """What went wrong with a download, and what to do, for people who know no terminal."""
    match error:
        case DownloadError(cause=cause, source=source) if cause in _WORDS:
            return f"{model}: {_WORDS[cause].format(source=source)}"
        case StorageError(needed_bytes=int(needed)):
            return (
                f"{model} needs {format_bytes(needed)} more on the disk than may be used. "
                f"Free some space, then resume. ({error.problem})"
            )
        case MissingWeightsError(advice=advice):
            return f"{model} is not on this machine. {advice}"
        case CorruptWeightsError():
            return f"{model} is damaged. Remove it and fetch it again."
    return str(error)
