"""What the program says, in the words of the page.

Errors and remedies are worded for a terminal: with commands, flags and exact bytes. Owns
what stands for those where there are buttons; what is said is everybody's own.
"""

from __future__ import annotations

import html
import re

from airunner.config.byte_size import format_bytes
from airunner.config.settings import SETTINGS

GET_MODELS = "Download models"
_ADDRESSES = {GET_MODELS: "/download-models", "Settings": "/settings"}
_TITLES = {"assign": "Devices of capabilities"}
_ABBREVIATIONS = {"Kv": "KV", "Mcp": "MCP", "gpus": "GPUs", "dtype": "type", "s": "(seconds)"}

_A_TEAM_TOO = re.compile(r", `airunner setup` a whole team")
_COMMANDS = (
    (re.compile(r"`airunner (?:models|setup|assign|plan)\b[^`]*`"), GET_MODELS),
    (re.compile(r"\bairunner models pull [^\s`;,]+"), GET_MODELS),
    (re.compile(r"`airunner doctor[^`]*`"), "the checkup in Settings"),
    (re.compile(r"`airunner keys[^`]*`"), "the list of keys in Settings"),
    (re.compile(r"`airunner (?:explain|ps|top)[^`]*`"), "the page Memory"),
    (re.compile(r"`airunner engine[^`]*`"), "the installer of engines"),
    (re.compile(r"`airunner tools[^`]*`"), "the list of tools"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?]) +")
_FLAG = re.compile(r"(?<!\S)--(?:no-)?([a-z][a-z-]*)")
_BYTES = re.compile(r"\b(\d{1,3}(?:,\d{3})+|\d{4,}) bytes\b")
_FIGURE = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")
_LACK = re.compile(r"needs .*? can be made free: [\d,]+ too few")


def setting_title(name: str) -> str:
    """A setting's name for people: ``max_memory`` is "Max memory"."""
    if name in _TITLES:
        return _TITLES[name]
    words = name.capitalize().split("_")
    return " ".join(_ABBREVIATIONS.get(word, word) for word in words)


def page_words(said: object) -> str:
    """``said`` without commands, flags and long figures: what can be done here, and MB or GB."""
    words = _BYTES.sub(lambda found: _size(found[1]), str(said))
    words = _LACK.sub(lambda found: _FIGURE.sub(lambda each: _size(each[0]), found[0]), words)
    words = _A_TEAM_TOO.sub("", words)
    for command, place in _COMMANDS:
        words = command.sub(place, words)
    words = " ".join(map(_named_once, _SENTENCE_END.split(words)))
    return _FLAG.sub(_setting, words).replace("`", "")


def page_html(said: object) -> str:
    """The same as HTML, with a link where a page is named that helps."""
    shown = html.escape(page_words(said))
    for name, address in _ADDRESSES.items():
        shown = re.sub(rf"\b{name}\b", f'<a href="{address}">{name}</a>', shown)
    return shown


def _named_once(sentence: str) -> str:
    """Several commands that stand for one place are one hint."""
    for place in {place for _, place in _COMMANDS}:
        if sentence.count(place) > 1:
            return f"Look in {place}."
    return sentence


def _size(figure: str) -> str:
    return format_bytes(int(figure.replace(",", "")))


def _setting(found: re.Match[str]) -> str:
    name = found[1].replace("-", "_")
    return f"the setting {setting_title(name)}" if name in SETTINGS else found[0]
