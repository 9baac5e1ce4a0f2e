"""What a line that begins with a slash does in a chat; each command tells what it did.

Owns the commands and their words. Which conversation is held is ``chat_history``'s, turns are
``talk``'s.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from airunner.cli.safe_text import printable, safe
from airunner.cli.streams import complain
from airunner.errors import AiRunnerError, ServerError
from airunner.errors.base import meant
from airunner.models.spec import ModelCapability, short_name

if TYPE_CHECKING:
    from airunner.cli.chat_completer import Offer
    from airunner.cli.talk import Talk

TWO_SLASHES = "A text that begins with a slash is written with two: //"
_MOST_SHOWN = 60
_BLOCK = '"""'
_PRIMARY = ModelCapability.PRIMARY_CONVERSATION


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what follows it, what it does in words, and the deed.

    ``act`` gets what was written behind it; one that takes nothing has no ``takes``. What
    ``removes`` something is no guess at what a misspelt one was meant to be.
    """

    takes: str
    meaning: str
    act: Callable[[Talk, str], None]
    removes: bool = False


def obey(line: str, talk: Talk) -> None:
    """Do what a line that is a command asks for, or say why not."""
    name, *rest = line.split(maxsplit=1)
    argument = "".join(rest).strip()
    command = COMMANDS.get(_CALLED_ELSEWHERE.get(name, name))
    try:
        if command is None:
            begun = [each for each in COMMANDS if len(name) > 2 and each.startswith(name)]
            told = meant(
                name.casefold(), begun or [n for n, c in COMMANDS.items() if not c.removes]
            )
            complain(f"There is no command {safe(name)}.{told} /help lists them. {TWO_SLASHES}")
        elif argument and not command.takes:
            complain(f"{name} stands alone. {TWO_SLASHES}")
        else:
            command.act(talk, argument)
    except (typer.BadParameter, AiRunnerError) as error:
        complain(error)


def _help(talk: Talk, _: str) -> None:
    rows = {f"{name} {command.takes}".strip(): command for name, command in COMMANDS.items()}
    width = max(map(len, rows)) + 2
    for words, command in rows.items():
        talk.tell(f"{words:<{width}}{command.meaning}", width)
    talk.tell(f"{'//TEXT':<{width}}send a text that begins with a slash", width)
    if talk.prompt.at_terminal:
        talk.tell(
            f"{_BLOCK:<{width}}begins and ends a text of several lines; so does a paste", width
        )
        talk.tell(f"{'Ctrl-C':<{width}}breaks off an answer, or clears the line", width)


def _model(talk: Talk, wanted: str) -> None:
    runtime = talk.runtime
    if wanted:
        spec = runtime.choose_primary(wanted)
        talk.tell(f"{spec.model_path} answers from now on.")
        return
    serving = runtime.resolve(_PRIMARY).spec.model_path
    talk.tell(f"{serving} answers.")
    for model in runtime.model_list()["models"]:
        if model["here"] and _PRIMARY in model["capabilities"] and model["model"] != serving:
            talk.tell(f"  /model {short_name(model['model'])}")
    talk.tell("`airunner models list` shows all, `airunner pull NAME` fetches one.")


def _tools(talk: Talk, wanted: str) -> None:
    match wanted:
        case "off" | "on":
            talk.tools = wanted == "on"
            may = "may be called" if talk.tools else "are not called"
            talk.tell(f"Tools {may} from now on.")
        case "":
            if not talk.tools:
                talk.tell("Tools are off; /tools on allows them.")
            toolset = talk.runtime.toolset
            if not toolset.names:
                talk.tell("There are no tools.")
            for subject in toolset.subjects:
                names = toolset.of_subjects([subject]).names
                talk.tell(f"{subject or 'others'}: {', '.join(map(printable, names))}", indent=2)
        case _:
            raise typer.BadParameter("write /tools, /tools off or /tools on")


def _retry(talk: Talk, _: str) -> None:
    content = talk.history.take_back()
    talk.tell("Asking again.")
    talk.ask(content)


def _undo(talk: Talk, _: str) -> None:
    from airunner.media import in_words
    from airunner.records.attached_text import without_documents
    from airunner.records.one_line import one_line

    said = " ".join(without_documents(in_words(talk.history.take_back())).split())
    talk.tell(f"Taken back: {safe(one_line(said, _MOST_SHOWN))}")


def _image(talk: Talk, given: str) -> None:
    from airunner.cli.attached import read_pictures

    if not given:
        raise typer.BadParameter("write the file behind it: /image FILE [what to ask]")
    name, text = _file_and_text(given)
    talk.pictures = (*talk.pictures, *read_pictures([Path(name).expanduser()]))
    if text:
        talk.send(text)
    else:
        talk.tell(f"{printable(Path(name).name)} goes with your next message.")


def _file_and_text(given: str) -> tuple[str, str]:
    """A file's name, which may hold blanks or stand in quotes, and what stands behind it."""
    if Path(given).expanduser().exists():
        return given, ""
    try:
        name = shlex.split(given)[0]
    except ValueError:  # a quote that does not end
        name = given.split()[0]
    end = given.find(name) + len(name)
    return name, given[end:].lstrip("'\"").strip()


def _system(talk: Talk, text: str) -> None:
    history = talk.history
    if text:
        history.begin(text)
        talk.tell("A new conversation begins with it; the earlier one is saved.")
    elif history.system:
        talk.tell(f"Instructions: {safe(history.system)}")
    else:
        talk.tell("There are no instructions. /system TEXT begins a conversation with some.")


def _new(talk: Talk, _: str) -> None:
    talk.history.begin()
    talk.tell("A new conversation.")


def _title(talk: Talk, title: str) -> None:
    talk.history.retitle(title)
    talk.tell(f"This conversation is now called {title!r}.")


def _quit(talk: Talk, _: str) -> None:
    talk.ended = True


COMMANDS: Mapping[str, Command] = {
    "/new": Command("", "leave this conversation and begin another", _new),
    "/retry": Command("", "ask the last question again", _retry),
    "/undo": Command("", "take the last question and its answer back", _undo),
    "/model": Command("[NAME]", "who answers, or another one from now on", _model),
    "/tools": Command("[off|on]", "what may be called, or whether anything", _tools),
    "/image": Command("FILE [TEXT]", "show a picture, with TEXT or the next message", _image),
    "/system": Command("[TEXT]", "the instructions, or a conversation with others", _system),
    "/title": Command("TEXT", "give this conversation another title", _title),
    "/conversations": Command("", "list the saved ones", lambda talk, _: talk.history.list()),
    "/switch": Command("N|ID", "go on with one of them", lambda t, given: t.history.switch(given)),
    "/delete": Command(
        "[N|ID]",
        "delete this one, or another, for good",
        lambda talk, given: talk.history.delete(given, talk.prompt.confirms),
        removes=True,
    ),
    "/help": Command("", "this list", _help),
    "/quit": Command("", "leave, as Ctrl-D does", _quit),
    "/exit": Command("", "the same", _quit),
}

_CALLED_ELSEWHERE = {"/?": "/help", "/bye": "/quit", "/clear": "/new"}
"""Commands of other programs, and ours."""


def arguments(talk: Talk) -> Mapping[str, Callable[[], Offer] | None]:
    """What Tab offers behind a command; ``None`` for a file."""

    def models() -> Offer:
        with suppress(ServerError):  # gone: whoever asks something is told
            for model in talk.runtime.model_list()["models"]:
                if model["here"] and _PRIMARY in model["capabilities"]:
                    yield model["model"], ""

    def conversations() -> Offer:
        for number, entry in enumerate(talk.history.listed(), start=1):
            yield str(number), entry.title

    return {
        "/model": models,
        "/image": None,
        "/switch": conversations,
        "/delete": conversations,
        "/tools": lambda: (("off", "call none"), ("on", "call them again")),
    }
