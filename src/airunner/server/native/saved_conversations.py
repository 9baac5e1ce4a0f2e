"""What a person does with saved conversations: find, sort, branch, delete, take away, bring in.

Owns what these mean, and telling everybody of each change. Running turns is ``turns``'s; a
branch is begun here and goes on with a turn.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

from airunner.agent.specialist import SpecialistRequest
from airunner.errors import MediaError, StorageError, UnknownRecordError, UnusableRecordError
from airunner.events import ConversationChanged
from airunner.messages import Content, MediaPart, text_of_content, with_text
from airunner.models.spec import ModelCapability
from airunner.records.attached_text import taken_apart, title_from_message
from airunner.records.branches import versions
from airunner.records.conversation_rows import Entry
from airunner.records.conversations import Found, Saved
from airunner.records.exported import ID, Imported, as_json, as_markdown
from airunner.records.folders import Folder, Page
from airunner.records.foreign_exports import read_export
from airunner.records.message_rows import title_of
from airunner.records.one_line import title_from
from airunner.records.unfinished import detail_of
from airunner.runtime.core import RuntimeCore

_TITLE_TOKENS = 24
_TITLE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class Branch:
    """A new conversation, and what a turn has to say in it next; ``None`` if that is open."""

    entry: Entry
    content: Content | None


@dataclass(frozen=True, slots=True)
class Family:
    """Conversations that are branches of each other, the oldest first.

    ``versions`` has the places at which the one that was asked for could go on in another
    way, with a conversation for each way.
    """

    entries: Sequence[Entry]
    versions: Mapping[int, Sequence[str]]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What came of an import: what is new here, and how many were here already.

    ``refused`` says of each conversation that cannot be read why, and ``left_out`` counts
    what was not taken of those that are new, by what it is in words.
    """

    added: Sequence[Entry]
    known: int
    refused: Sequence[str] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)


class SavedConversations:
    """The saved conversations of a core. All but ``model_title`` may be called from any thread.

    An id may be given by its first characters, where no other begins so.

    Every method may raise ``StorageError``; one that takes an id raises
    ``UnknownRecordError`` where no conversation has it.
    """

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._records = core.records

    def entry(self, id: str) -> Entry:
        """What a list says of a conversation."""
        if entry := self._records.conversations.entry(id):
            return entry
        found = self._records.conversations.with_prefix(id)
        if len(found) != 1:
            raise UnknownRecordError("conversation" if not found else "only conversation", id)
        return found[0]

    def load(self, id: str) -> Saved:
        """A whole conversation."""
        saved = self._records.conversations.load(self.entry(id).id)
        if saved is None:
            raise UnknownRecordError("conversation", id)
        return saved

    def file(self, id: str, sha256: str) -> MediaPart:
        """A picture or recording of a conversation.

        Raises:
            UnknownRecordError: it has none such.
        """
        for message in self.load(id).messages:
            for part in message.media:
                if part.sha256 == sha256:
                    return part
        raise UnknownRecordError("file", sha256)

    def page(
        self,
        limit: int = 50,
        after: str = "",
        *,
        folder: str | None = None,
        pinned: bool | None = None,
    ) -> Page:
        """A page of them; see ``Folders.page``."""
        return self._records.folders.page(limit, after, folder=folder, pinned=pinned)

    def search(self, query: str, limit: int = 50) -> Sequence[Found]:
        """Those in which such words were said, or that are called so."""
        return self._records.conversations.search(query, limit)

    def change(
        self,
        id: str,
        *,
        title: str | None = None,
        folder: str | None = None,
        pinned: bool | None = None,
    ) -> Entry:
        """Another title or folder, pinned or not; ``None`` leaves that as it is."""
        entry = self.entry(id)
        if title is not None:
            self._records.conversations.retitle(entry.id, title)
            self._tell(entry.id, "retitled")
        if folder is not None or pinned is not None:
            self._records.folders.file_under(entry.id, folder=folder, pinned=pinned)
            self._tell(entry.id, "moved")
        return self.entry(entry.id)

    def folders(self) -> Sequence[Folder]:
        """The folders that have conversations."""
        return self._records.folders.all()

    def rename_folder(self, name: str, new: str) -> int:
        """Move a folder's conversations into ``new``, empty for none; says how many."""
        moved = self._records.folders.rename(name, new)
        for id in moved:
            self._tell(id, "moved")
        return len(moved)

    def proposed_title(self, id: str) -> str:
        """A title made from what the user said first; no model is asked."""
        return title_of(self.load(id).messages)

    async def model_title(self, id: str) -> str:
        """A title in the words of the model that summarises; as ``proposed_title`` without one."""
        saved = self.load(id)
        spoken = (m.text for m in saved.messages if m.role in ("user", "assistant"))
        said = "\n".join(taken_apart(text)[1] for text in spoken)
        prompt = (
            "Give this conversation a title of at most six words. Reply with the title "
            f"alone.\n\n{said[:_TITLE_CHARACTERS]}"
        )
        asked = SpecialistRequest(ModelCapability.SUMMARIZATION, prompt, _TITLE_TOKENS)
        answer = await self._core.specialists.answer(asked)
        return title_from((answer or "").strip().strip("\"'*#. ")) or title_of(saved.messages)

    def branch(self, id: str, at: int, text: str | None = None) -> Branch:
        """Begin a conversation that leaves ``id`` at the message in place ``at``.

        At a message of the user's, that message is to be said again, with ``text`` for its
        words if given; at anything later in an exchange, the question of that exchange is to
        be answered again. Behind the last message, nothing is to be said yet. The branch
        ends before what its next turn says.

        Raises:
            UnusableRecordError: there is no such place, or nothing can be said there.
        """
        entry, messages = self.entry(id), self.load(id).messages
        if not 0 <= at <= len(messages):
            problem = f"the conversation has {len(messages)} messages"
            raise UnusableRecordError("place", problem)
        content: Content | None = text
        kept = left_at = at
        if at < len(messages):
            asked = [i for i, message in enumerate(messages[: at + 1]) if message.role == "user"]
            if not asked:
                raise UnusableRecordError("place", "nobody has said anything before it")
            kept = asked[-1]
            left_at = kept if at == kept else kept + 1
            content = messages[kept].content
            if text is not None:
                content, left_at = with_text(content, text), kept
        begins = content is not None and not any(m.role == "user" for m in messages[:kept])
        title = title_from_message(text_of_content(content or "")) if begins else ""
        made = self._records.branches.add(entry.id, kept, left_at, title)
        if made is None:
            raise UnknownRecordError("conversation", id)
        self._tell(made.id, "saved")
        return Branch(made, content)

    def family(self, id: str) -> Family:
        """A conversation's branches, and those of what it branched from."""
        entry = self.entry(id)
        entries = self._records.branches.family(entry.id)
        return Family(entries, versions(entries, entry.id))

    def tell_saved(self, id: str) -> None:
        """Another program has written to a conversation here."""
        self._tell(self.entry(id).id, "saved")

    def delete(self, id: str) -> str:
        """Delete a conversation for good; returns its whole id."""
        entry = self.entry(id)
        self.delete_all([entry.id])
        return entry.id

    def delete_all(self, ids: Iterable[str]) -> Sequence[str]:
        """Delete conversations for good, by their whole ids; returns those that there were."""
        return self._records.conversations.delete_all(ids)  # the core tells of each

    def export_json(self, ids: Iterable[str] | None = None) -> dict[str, Any]:
        """These conversations, or all of them, whole: ``import_export`` reads it."""
        entries = (
            self._records.conversations.list() if ids is None else [self.entry(id) for id in ids]
        )
        told = ((entry, self.load(entry.id)) for entry in entries)
        return as_json(told, self._records.kept_files.exported, self._records.details.load)

    def export_markdown(self, id: str) -> str:
        """A conversation to read."""
        entry = self.entry(id)
        return as_markdown(entry, self.load(id), self._records.details.load(entry.id))

    def import_export(self, file: BinaryIO) -> ImportResult:
        """Take in what ``export_json``, ChatGPT or Open WebUI exported.

        What is here already as it is there is left alone; where only the id is the same,
        it gets another.

        Raises:
            UnusableRecordError: it is none of these, and nothing was taken in.
        """
        added: list[Entry] = []
        ids: dict[str, str] = {}
        known = 0
        left_out: Counter[str] = Counter()
        with read_export(file) as export:
            # A branch is younger than what it left, which has to be here before it.
            for each in export.conversations:
                if self._is_here(each):
                    known += 1
                else:
                    added.append(self._taken_in(each, ids, left_out))
                del each  # before the next one is read
        return ImportResult(added, known, export.refused, left_out)

    def _taken_in(self, each: Imported, ids: dict[str, str], left_out: Counter[str]) -> Entry:
        """Save one; ``ids`` has what those before it are called here, by what they were there."""
        id = each.entry.id.lower()
        if not ID.fullmatch(id) or self._records.conversations.entry(id) is not None:
            id = uuid.uuid4().hex
        ids[each.entry.id] = id
        parent = each.entry.parent and ids.get(each.entry.parent, each.entry.parent)
        created_s = each.entry.created_s or self._records.clock()
        entry = replace(
            each.entry,
            id=id,
            parent=parent,
            created_s=created_s,
            updated_s=max(each.entry.updated_s, created_s),
        )
        self._records.conversations.add(
            entry, each.messages, start=each.start, preface=each.preface
        )
        for place, outcome in each.outcomes.items():
            self._records.details.save(id, place, detail_of(outcome))
        left_out.update(each.left_out)
        for name, content in each.kept_files.items():
            try:
                self._records.kept_files.keep(id, name, content)
            except (MediaError, StorageError):
                left_out["attached files"] += 1
        self._tell(id, "saved")
        return self.entry(id)

    def _is_here(self, each: Imported) -> bool:
        try:
            saved = self._records.conversations.load(each.entry.id)
        except StorageError:
            return False
        return saved is not None and saved.messages == each.messages

    def _tell(self, id: str, what: str) -> None:
        self._core.bus.publish(ConversationChanged(conversation=id, what=what))
