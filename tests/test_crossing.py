"""What crosses between a server and its programs comes out as it went in."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from inspect import isclass
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from airunner import errors
from airunner.agent.conversation import Conversation
from airunner.agent.tool_call import Outcome
from airunner.engines.image import ImageRequest, Lora
from airunner.errors.as_json import error_as_json, error_from_json
from airunner.events import Event, ImageStepped, TextStreamed
from airunner.events.reading import event_from_json
from airunner.messages import ImagePart, Message, TextPart, ToolCall
from airunner.runtime.native_form import (
    Growth,
    content_as_json,
    content_from_json,
    conversation_as_json,
    conversation_from_json,
    outcome_as_json,
    outcome_from_json,
    read,
)
from airunner.runtime.plain_values import plain

PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\0\0\2" * 2 + b"\x08\x02\0\0\0"
SAMPLES: dict[Any, Any] = {str: "\ud83d\u2028x", int: 7, float: 0.5, bool: True}


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def sample(kind: type[Event]) -> Event:
    hints = get_type_hints(kind)
    values = {f.name: SAMPLES.get(hints[f.name], {"a": 1}) for f in fields(kind)}
    return kind(**{**values, **({"preview_png": None} if kind is ImageStepped else {})})


@pytest.mark.parametrize("kind", Event.__subclasses__())
def test_every_event_comes_back(kind: type[Event]) -> None:
    event = sample(kind)
    assert event_from_json(through_json(event.as_json())) == event


def test_an_event_of_a_newer_server_is_passed_over() -> None:
    assert event_from_json({"kind": "not_yet_invented", "at_s": 1.0}) is None
    text = TextStreamed(turn="t", text="x").as_json()
    assert event_from_json(text | {"kind": "text_streamed"}) is not None


def test_every_error_keeps_its_class_words_and_facts() -> None:
    raised = [
        errors.DoesNotFitError("m", "cpu", 5, 3, 4),
        errors.StorageError(Path("/full"), "no space", 12),
        errors.UnknownToolError("x", ("a", "b")),
        errors.ContextOverflowError("m", 9, 8),
        errors.LeaseDeadlockError("m", ["other"]),
        errors.LeaseEndedError("lease_1"),
    ]
    for error in raised:
        back = error_from_json(through_json(error_as_json(error)))
        assert type(back) is type(error)
        assert str(back) == str(error)
        assert vars(back) == through_json({k: _plain(v) for k, v in vars(error).items()})
    fits = error_from_json(error_as_json(raised[0]))
    assert isinstance(fits, errors.DoesNotFitError)
    assert fits.deficit_bytes == 2
    assert type(error_from_json({"error": "Newer", "message": "x"})) is errors.AiRunnerError
    named = [e for e in vars(errors).values() if isclass(e) and issubclass(e, Exception)]
    assert all(error_from_json({"error": e.__name__, "message": "x"}).args == ("x",) for e in named)


def test_a_conversation_comes_back_whole_and_grows_as_the_other_did() -> None:
    call = ToolCall("1", "draw", {"a": ["\u2028é"]})
    picture = (ImagePart(PNG, "image/png"), TextPart("what is this?"))
    here = Conversation(
        "id",
        [Message("system", "s"), Message("user", picture), Message("assistant", "", (call,))],
        start=1,
        preface="p",
    )
    there = conversation_from_json(through_json(conversation_as_json(here)))
    assert there == here
    before = list(there.messages)
    there.leave_out_media({"image"})
    there.messages += [Message("tool", "done", tool_call_id="1"), Message("user", picture)]
    there.leave_out_media({"image"})
    there.start = 2
    grown = through_json(Growth.of(before, there).as_json(before))
    assert grown["kept"] == 1
    assert grown["files"] == {}  # the picture is known
    Growth.apply(grown, here)
    assert here == there


def test_what_is_said_comes_back_and_a_file_is_what_its_bytes_are() -> None:
    picture = (ImagePart(PNG, "image/png"), TextPart("look"))
    assert content_from_json(through_json(content_as_json(picture))) == picture
    assert content_from_json(through_json(content_as_json("words"))) == "words"
    assert content_from_json("plain") == "plain"
    with pytest.raises(errors.MediaError):
        content_from_json(content_as_json((ImagePart(b"#!/bin/sh", "image/png"),)))


def test_outcomes_and_requests_come_back() -> None:
    outcome = Outcome(Message("tool", "x", tool_call_id="1"), True, "no")
    assert outcome_from_json(through_json(outcome_as_json(outcome))) == outcome
    request = ImageRequest("a", loras=(Lora(Path("/x"), 0.5),), init_image=Path("/y"), seed=2**32)
    assert is_dataclass(request)
    assert read(ImageRequest, through_json(plain(request))) == request


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
