"""How the value of a setting is written, and what it becomes.

Owns the parsers. Each takes what a flag, a variable or a TOML entry holds, or a
value that is already parsed, and returns the value or raises ``ValueError``
with a sentence that says how to write it; ``airunner.config.settings`` adds the
setting's name and where it was written.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from airunner.config.byte_size import MILLION, format_bytes, size_bytes
from airunner.errors.base import alike

Parser = Callable[[Any], Any]

_DEVICE_ID = re.compile(r"(cpu|cuda|rocm|metal|vulkan)(:\d+)?", re.ASCII)
_CALL_PATTERN = re.compile(r"(?P<name>@?[\w*?\[\]-]+)(?:\((?P<arguments>[^()]*)\))?", re.ASCII)
_CLASSES = ("@read", "@write", "@network", "@execute")
_DECISIONS = ("allow", "ask", "deny")
MOST_PIXELS = 16_384
"""The longest side of a picture that is asked for."""

_YES_NO = {"1": True, "true": True, "yes": True, "on": True}
_YES_NO |= {"0": False, "false": False, "no": False, "off": False}


def text(value: object) -> str:
    """Text as it is, without blanks around it."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value.strip()


def path(value: object) -> Path:
    """A path; ``~`` is the user's folder, a relative one starts at the working directory."""
    if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
        raise ValueError("must be a path")
    try:
        found = Path(value).expanduser().absolute()
        os.lstat(found)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        pass  # what is not there yet can be made
    except RuntimeError:
        user = Path(value).parts[0][1:]
        whose = f"there is no user {user!r} here" if user else "this user has no home folder"
        raise ValueError(f"{whose}; give the full path") from None
    except (OSError, ValueError) as error:  # too long; half a character
        raise ValueError(f"cannot be a path: {getattr(error, 'strerror', '') or error}") from None
    return found


def folder(value: object) -> Path:
    """A path where a folder is, or can be made."""
    found = path(value)
    if os.path.exists(found) and not os.path.isdir(found):
        raise ValueError("it is no folder")
    return found


def existing_file(value: object) -> Path:
    """A path to a file that is there now."""
    found = path(value)
    if not found.is_file():
        raise ValueError("there is no such file; give its full path")
    return found


def switch(value: object) -> bool:
    """Yes or no."""
    if isinstance(value, bool):
        return value
    answer = _YES_NO.get(str(value).strip().lower())
    if answer is None:
        raise ValueError("must be true or false")
    return answer


def integer(least: int, most: int = 2**31 - 1) -> Parser:
    """A parser of whole numbers from ``least`` to ``most``."""

    def parse(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str | int) else None
        except ValueError:
            number = None
        if number is None or isinstance(value, bool) or number < least:
            raise ValueError(f"must be a whole number, {least} or more")
        if number > most:
            raise ValueError(f"must be a whole number up to {most:,}")
        return number

    return parse


def or_auto(parse: Parser) -> Parser:
    """A parser that takes what ``parse`` does, or ``auto``."""

    def parse_either(value: object) -> Any:
        return value if value == "auto" else parse(value)

    return parse_either


def seconds(value: object) -> float:
    """A duration in seconds, above zero."""
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if isinstance(value, bool) or not 0 < number < math.inf:
        raise ValueError("must be a number of seconds above 0, such as 90 or 2.5")
    return number


def size(least_bytes: int = 0) -> Parser:
    """A parser of sizes in bytes from ``least_bytes`` upwards."""

    def parse(value: object) -> int:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            raise ValueError("must be a size, such as 600MB, 6.5GiB, 8G or a number of bytes")
        return size_bytes(value, least_bytes)

    return parse


def pixels(value: object) -> tuple[int, int]:
    """Width and height, written ``1024x768``."""
    if isinstance(value, tuple | list):
        value = "x".join(map(str, value))
    width, _, height = str(value).strip().lower().replace("×", "x").partition("x")
    sides = [side.lstrip("0") for side in (width, height)]
    if not all(side.isdecimal() for side in sides):
        raise ValueError("must be a width and a height in pixels, such as 1024x768")
    if any(len(side) > 6 or int(side) > MOST_PIXELS for side in sides):
        raise ValueError(f"must be a width and a height up to {MOST_PIXELS:,} pixels")
    return int(width), int(height)


def choice(*options: str) -> Parser:
    """A parser that accepts only ``options``."""

    def parse(value: object) -> str:
        if value not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return str(value)

    return parse


def names(value: object) -> tuple[str, ...]:
    """Names in a list or separated by commas."""
    return tuple(dict.fromkeys(_items(value)))


def names_or(word: str) -> Parser:
    """A parser of names, in place of which ``word`` may stand alone."""

    def parse(value: object) -> tuple[str, ...]:
        found = names(value)
        if word not in map(str.lower, found):
            return found
        if len(found) > 1:
            raise ValueError(f"{word} stands alone: write {word}, or name each one")
        return (word,)

    return parse


def device_budgets(value: object) -> tuple[tuple[str, int | None], ...]:
    """Devices with their budgets in bytes, ``None`` where none is given.

    Written ``cpu:0=600MB,cpu:1``, as a list of such items, or as a TOML table in
    which ``"auto"`` stands for no budget.
    """
    positive = size(MILLION)
    found: dict[str, int | None] = {}
    for device, budget in _pairs(value):
        if device in found:
            raise ValueError(f"{device} is named twice")
        found[_device_id(device)] = None if budget in (None, "auto") else positive(budget)
    return tuple(found.items())


def device_assignments(value: object) -> tuple[tuple[str, str], ...]:
    """Capabilities with their devices: ``summarization=cpu:1`` or a TOML table."""
    found: dict[str, str] = {}
    for capability, device in _pairs(value):
        if not isinstance(device, str) or not capability:
            raise ValueError("must be written like summarization=cpu:1,translation=cpu:0")
        found[capability] = _device_id(device)
    return tuple(found.items())


def call_pattern(text: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """A tool's name or pattern, with the pattern of each argument that is named.

    Written ``write_file``, ``write_*``, ``@write`` (every tool of that
    permission class) or ``write_file(path=notes/*, mode=append)``.
    """
    found = _CALL_PATTERN.fullmatch(text.strip())
    if found is None or (found["name"].startswith("@") and found["name"] not in _CLASSES):
        raise ValueError(
            f"{text!r} names no tool; write write_file, write_file(path=notes/*), or one of "
            f"{', '.join(_CLASSES)}"
        )
    arguments: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in (found["arguments"] or "").split(","))):
        name, mark, wanted = (part.strip() for part in item.partition("="))
        if not (name and mark and wanted) or name in arguments:
            raise ValueError(f"{item!r} must be an argument and its pattern, like path=notes/*")
        arguments[name] = wanted
    return found["name"], tuple(arguments.items())


def permission_rules(value: object) -> tuple[tuple[str, str], ...]:
    """Calls with what to do about them: ``@network=allow,write_file(path=notes/*)=allow``.

    Or a TOML table: ``"write_file(path=notes/*)" = "allow"``.
    """
    if isinstance(value, str):
        parts = [part for part in _rules(value) if part.strip()]
        pairs: list[tuple[object, object]] = [
            (k, d) for k, _, d in (p.rpartition("=") for p in parts)
        ]
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        pairs = list(value) if isinstance(value, tuple | list) else [("", "")]
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in pairs):
            raise ValueError("must be calls and what to do about them, like write_file=allow")
    found: dict[str, str] = {}
    for pattern, decision in pairs:
        wanted = str(decision).strip()
        if wanted not in _DECISIONS:
            raise ValueError(f"{wanted!r} must be one of {', '.join(_DECISIONS)}")
        key = str(pattern).strip()
        call_pattern(key)
        found[key] = wanted
    return tuple(found.items())


def _rules(text: str) -> Iterator[str]:
    """The parts between commas that stand outside of brackets."""
    start, is_open = 0, False
    for found in re.finditer(r"[(),]", text):
        if found[0] == "," and not is_open:
            yield text[start : found.start()]
            start = found.end()
        elif found[0] != ",":
            is_open = found[0] == "("
    yield text[start:]


def show(value: object, metavar: str) -> str:
    """A parsed value for people, in a form its parser reads back; ``-`` if there is none."""
    if value is None or value == ():
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if metavar == "SIZE" and isinstance(value, int):
        return format_bytes(value)
    if metavar == "WxH" and isinstance(value, tuple):
        return "x".join(map(str, value))
    if isinstance(value, tuple):
        return ",".join(_show_item(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _show_item(item: object) -> str:
    if not isinstance(item, tuple):
        return str(item)
    name, detail = item
    if detail is None:
        return str(name)
    return f"{name}={format_bytes(detail) if isinstance(detail, int) else detail}"


def _device_id(value: str) -> str:
    if not _DEVICE_ID.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a device; write cpu, cpu:0, cuda:0, rocm:0, vulkan:0 or metal"
        )
    return value


def _items(value: object) -> Iterable[str]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(p, str) for p in parts):
        raise ValueError("must be names separated by commas, or a list of names")
    return [part.strip() for part in parts if part.strip()]


def _pairs(value: object) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(str(key).strip(), entry) for key, entry in value.items()]
    if isinstance(value, tuple | list) and all(isinstance(item, tuple) for item in value):
        return list(value)
    split = [item.partition("=") for item in _items(value)]
    return [(key.strip(), entry.strip() if mark else None) for key, mark, entry in split]


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint at the setting that ``name`` may have been meant for."""
    close = alike(name.replace("-", "_").lower(), known, 1)
    return f"; did you mean {close[0]}?" if close else "; `airunner doctor` lists them all"
