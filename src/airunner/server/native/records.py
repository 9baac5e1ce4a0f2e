"""What is remembered beside conversations, over HTTP: facts, notes, reminders."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from airunner.runtime.core import RuntimeCore
from airunner.runtime.plain_values import plain
from airunner.server.native.due_reminders import DueReminders
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.remembered import Remembered


class NewNote(BaseModel):
    """A note; without a title it gets one from its text."""

    text: str
    title: str = ""


class NoteChange(BaseModel):
    """What is to be another; what is left out stays."""

    title: str | None = None
    text: str | None = None


class FactBody(BaseModel):
    """One sentence or so about the user."""

    text: str


class NewReminder(BaseModel):
    """A reminder; ``when`` is Unix time, or words such as "tomorrow at 9:00"."""

    text: str
    when: float | str


class ReminderChange(BaseModel):
    """What is to be another; what is left out stays."""

    text: str | None = None
    when: float | str | None = None


class Later(BaseModel):
    """In how many seconds to be reminded again."""

    wait_s: float = Field(gt=0)


def record_routes(core: RuntimeCore, remembered: Remembered, due: DueReminders) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.delete("/states/{conversation}")
    def forget(conversation: str) -> dict[str, Any]:
        """Remove what models have computed of a conversation that its owner has deleted."""
        core.forget(conversation)
        return {}

    @routes.get("/facts")
    def facts() -> dict[str, Any]:
        """What is known of the user."""
        return {"facts": [plain(each) for each in remembered.facts()]}

    @routes.post("/facts")
    def add_fact(asked: FactBody) -> Any:
        """Remember something."""
        return plain(remembered.add_fact(asked.text))

    @routes.patch("/facts/{number}")
    def change_fact(number: int, asked: FactBody) -> Any:
        """Word a fact anew."""
        return plain(remembered.change_fact(number, asked.text))

    @routes.delete("/facts/{number}")
    def delete_fact(number: int) -> dict[str, Any]:
        """Forget a fact for good."""
        remembered.delete_fact(number)
        return {"deleted": number}

    @routes.get("/notes")
    def notes(search: str = "") -> dict[str, Any]:
        """The notes, or those in which something is said."""
        found = remembered.notes(search)
        if not search:
            return {"notes": [plain(each.note) for each in found]}
        return {"notes": [{**plain(each.note), "excerpt": each.excerpt} for each in found]}

    @routes.post("/notes")
    def add_note(asked: NewNote) -> Any:
        """Write a new note."""
        return plain(remembered.add_note(asked.title, asked.text))

    @routes.patch("/notes/{number}")
    def change_note(number: int, asked: NoteChange) -> Any:
        """Another title or text."""
        return plain(remembered.change_note(number, asked.title, asked.text))

    @routes.delete("/notes/{number}")
    def delete_note(number: int) -> dict[str, Any]:
        """Delete a note for good."""
        remembered.delete_note(number)
        return {"deleted": number}

    @routes.get("/reminders")
    def reminders() -> dict[str, Any]:
        """The reminders that nobody has taken note of, due or to come."""
        return {"reminders": [plain(each) for each in remembered.reminders()]}

    @routes.post("/reminders")
    def add_reminder(asked: NewReminder) -> Any:
        """Set a reminder."""
        return plain(remembered.add_reminder(asked.text, asked.when))

    @routes.patch("/reminders/{number}")
    def change_reminder(number: int, asked: ReminderChange) -> Any:
        """Another text or time."""
        return plain(remembered.change_reminder(number, asked.text, asked.when))

    @routes.delete("/reminders/{number}")
    def delete_reminder(number: int) -> dict[str, Any]:
        """Cancel a reminder."""
        remembered.delete_reminder(number)
        return {"deleted": number}

    @routes.get("/reminders/due")
    async def due_reminders() -> dict[str, Any]:
        """What is due and nobody has taken note of."""
        return {"reminders": [plain(each.as_json()) for each in await due.look()]}

    @routes.delete("/reminders/due/{number}")
    async def dismiss(number: int) -> dict[str, Any]:
        """Take note of one: no window shows it any more."""
        await due.dismiss(number)
        return {"dismissed": number}

    @routes.patch("/reminders/due/{number}")
    async def later(number: int, asked: Later) -> dict[str, Any]:
        """Be reminded again."""
        await due.later(number, asked.wait_s)
        return {"waits_s": asked.wait_s}

    return routes
