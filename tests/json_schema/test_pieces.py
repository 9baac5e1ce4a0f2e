"""An object that is handed on while it is written, and no half of a character."""

from __future__ import annotations

import json

import pytest

from airunner.json_schema.pieces import ObjectPieces
from airunner.json_schema.plain import sound_escapes

OBJECTS = [
    "{}",
    '{"a": {"b": [1, {"c": "}"}]}, "d": "\\"}{"}',
    '{"pair": "\\ud83d\\ude00", "half": "\\ud83d", "low": "\\ude00", "word": "\\\\ud83d"}',
    '{"a": "\\ud83d\\ud83d\\ude00\\n\\ud83d\\\\", "b": "\\u00e9"}',
]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize("written", OBJECTS)
def test_it_is_the_same_however_it_comes(written: str, size: int) -> None:
    text = f', "arguments": {written}}}\n</tool_call>{{"no": 1}}'
    reader = ObjectPieces()
    pieces = [reader.feed(text[at : at + size]) for at in range(0, len(text), size)]
    assert reader.is_whole
    assert "".join(pieces) == sound_escapes(written)
    for piece in pieces:
        piece.encode()
    json.loads("".join(pieces))
