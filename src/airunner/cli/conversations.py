"""``airunner conversations``: what was said in ``airunner chat``, without any model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.command_groups import command_group
from airunner.cli.flags import EXIT_FAILED, AsJson
from airunner.cli.streams import question as asked
from airunner.cli.streams import tell
from airunner.config.settings import Settings

if TYPE_CHECKING:
    from airunner.records.conversation_rows import Entry
    from airunner.records.records import Records

_ID = "of `airunner conversations list`, or its beginning"
Id = Annotated[str, typer.Argument(metavar="ID", help=_ID)]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help=_ID)]


def list_conversations(
    settings: Settings,
    search: Annotated[
        str | None, typer.Option(metavar="WORDS", help="only those in which this was said")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the saved conversations, the latest first, or those that fit best.

    Of several versions of one the latest is listed; --json and --search list all.
    """
    import time

    from airunner.cli.chat_history import SHORT_ID
    from airunner.cli.console import out, print_json
    from airunner.cli.whole_words import columns
    from airunner.records.branches import families

    with _records(settings) as records:
        if search is None:
            found = [(entry, "") for entry in records.conversations.list()]
        else:
            fitting = records.conversations.search(search, limit=50)
            found = [(each.entry, " ".join(each.excerpt.split())) for each in fitting]
    if as_json:
        rows = [
            asdict(entry) | ({} if search is None else {"excerpt": excerpt})
            for entry, excerpt in found
        ]
        print_json({"conversations": rows})
        return
    if not found:
        tell("No conversation is saved yet." if search is None else "No conversation says it.")
        return
    if search is None:
        found = [
            (members[0], f"{len(members)} versions" if len(members) > 1 else "")
            for members in families([entry for entry, _ in found]).values()
        ]
    table = columns("id", "last", "messages", "title", *([] if search is None else ["said"]))
    for entry, more in found:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.updated_s))
        versions = f" ({more})" if search is None and more else ""
        row = [entry.id[:SHORT_ID], when, str(entry.messages), entry.title + versions]
        table.add_row(*row, *([] if search is None else [more]))
    out().print(table)


def show_conversation(settings: Settings, id: Id, as_json: AsJson = False) -> None:
    """Show what was said in a conversation, with the calls of tools as JSON only."""

    from airunner.cli.chat_history import conversation_named, described
    from airunner.cli.console import out, print_json
    from airunner.cli.safe_text import safe
    from airunner.media import in_words
    from airunner.records.attached_text import without_documents
    from airunner.records.saved_message import to_value
    from airunner.records.unfinished import unfinished, unfinished_lines

    with _records(settings) as records:
        entry = conversation_named(records.conversations, id)
        saved = records.conversations.load(entry.id)
        details = records.details.load(entry.id)
    messages = saved.messages if saved else ()
    if as_json:
        preface = saved.preface if saved else ""
        values = [to_value(m) for m in messages]
        told = {"preface": preface, "messages": values, "unfinished": sorted(unfinished(details))}
        print_json(asdict(entry) | told)
        return
    console = out()
    is_pipe = not console.is_terminal
    console.print(described(entry), style="bold", soft_wrap=is_pipe)
    lines = unfinished_lines(messages, details)
    for place, message in enumerate(messages):
        said = without_documents(in_words(message.content)).strip()
        if message.role != "tool" and said:
            console.print(f"\n{message.role}:", style="bold")
            console.print(safe(said), soft_wrap=is_pipe)
        if line := lines.get(place):
            console.print(f"\n{line}", style="dim")


def export_conversations(
    settings: Settings,
    ids: Ids = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="to read, without pictures")] = False,
) -> None:
    """Print conversations whole, all of them without ID.

    As JSON, with what was attached to them; the page takes it in.
    """
    from airunner.cli.streams import give
    from airunner.records.exported import as_json, as_markdown

    with _records(settings) as records:
        entries = _named(records, ids) if ids else records.conversations.list()
        loaded = ((entry, records.conversations.load(entry.id)) for entry in entries)
        whole = ((entry, saved) for entry, saved in loaded if saved is not None)
        details = records.details.load
        if markdown:
            give("\n".join(as_markdown(e, saved, details(e.id)) for e, saved in whole).rstrip("\n"))
        else:
            give(json.dumps(as_json(whole, records.kept_files.exported, details)))


def delete_conversations(
    settings: Settings,
    ids: Ids = None,
    every: Annotated[bool, typer.Option("--all", help="every one that is saved")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do not ask")] = False,
) -> None:
    """Delete conversations for good."""
    from airunner.cli.chat_history import counted

    if bool(ids) is every:
        raise typer.BadParameter("name conversations, or give --all", param_hint="ID")
    with _records(settings) as records:
        entries = _named(records, ids) if ids else records.conversations.list()
        if not entries:
            tell("No conversation is saved.", aside=True)
            return
        what, size = f"{len(entries)} conversations", ""
        if len(entries) == 1:
            what, size = repr(entries[0].title), f" ({counted(entries[0])})"
        question = f"Delete {what}{size} for good?"
        if not yes and not typer.confirm(
            asked(f"{question} [y/N]"), err=True, show_default=False, prompt_suffix=""
        ):
            tell("Nothing was deleted.", aside=True)
            raise typer.Exit(EXIT_FAILED)
        records.conversations.delete_all(entry.id for entry in entries)
    tell(f"Deleted {what}.", aside=True)


def _named(records: Records, ids: Sequence[str]) -> Sequence[Entry]:
    from airunner.cli.chat_history import conversation_named

    found = [conversation_named(records.conversations, id) for id in ids]
    return list({entry.id: entry for entry in found}.values())


def _records(settings: Settings) -> Records:
    from functools import partial

    from airunner.records.records import Records
    from airunner.resources.parking import remove_states
    from airunner.runtime.home import MEMORY_FILE_SYSTEM, records_file

    on_delete = partial(remove_states, settings.home, MEMORY_FILE_SYSTEM)
    return Records(records_file(settings), on_delete=on_delete)


conversations_app = command_group(
    "conversations",
    "List, show, export and delete saved conversations.",
    {
        "list": list_conversations,
        "show": show_conversation,
        "export": export_conversations,
        "delete": delete_conversations,
    },
)
