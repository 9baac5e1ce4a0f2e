"""Sizes in bytes as people write them: ``600MB``, ``6.5GiB``, ``8G``.

Owns the text form only, and what a number without a unit means. Inside the program a size
is always an ``int`` of bytes.
"""

from __future__ import annotations

import re

KIB = 1024
MIB = 1024**2
GIB = 1024**3

THOUSAND, MILLION = 10**3, 10**6
MOST_BYTES = 10**15

_NUMBER = re.compile(r"\d[\d_]*(?:\.\d+)?", re.ASCII)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS |= {"ki": KIB, "mi": MIB, "gi": GIB, "ti": 1024**4}
_SIZE = re.compile(r"(\d[\d_]*)(?:\.(\d+))?\s*([kmgt]?i?)b?", re.IGNORECASE | re.ASCII)


def parse_bytes(text: str | int) -> int:
    """Bytes meant by ``text``, rounded down to a whole byte.

    Units are decimal (``KB`` = 10^3, ``MB`` = 10^6, ``GB`` = 10^9, ``TB`` =
    10^12) unless they have an ``i`` (``KiB`` = 2^10, ``MiB`` = 2^20, ``GiB`` =
    2^30, ``TiB`` = 2^40). Case does not matter, the ``B`` may be left out, and
    a number without a unit is bytes.

    Raises:
        ValueError: like ``int()``, when ``text`` is not a size; the caller
            knows where the text came from and says so.
    """
    if isinstance(text, int) and not isinstance(text, bool) and text >= 0:
        return text
    match = _SIZE.fullmatch(text.strip()) if isinstance(text, str) else None
    whole, decimals, unit = match.groups("") if match else ("", "", "?")
    scale = _UNITS.get(unit.lower())
    if scale is None:
        raise ValueError("not a size; write it like 600MB, 6.5GiB, 8G or a plain number of bytes")
    return int(int(whole + decimals) * scale // 10 ** len(decimals))


def size_bytes(value: str | float, least_bytes: int = 0) -> int:
    """Bytes meant by what a person wrote: as ``parse_bytes``, and a number alone by its size.

    Below 1000 it is gigabytes, from a million on it is bytes; 0 is 0. One in between, and
    a size that no memory has, is refused.

    Raises:
        ValueError: the message says how to write it.
    """
    text = repr(value) if isinstance(value, float) else value
    n_bytes = parse_bytes(text)
    if alone := _NUMBER.fullmatch(str(text).strip()):
        number = float(alone[0].replace("_", ""))
        if MILLION > number >= THOUSAND:
            raise ValueError(f"{text} of what? Write {text}MB, or whichever unit it is")
        if number < THOUSAND:
            n_bytes = parse_bytes(f"{text}GB")
    if n_bytes > MOST_BYTES:
        raise ValueError(f"that is {format_bytes(n_bytes)}, which no machine has")
    if n_bytes < least_bytes:
        least = format_bytes(least_bytes)
        raise ValueError(f"must be at least {least}; write it like 600MB, 6.5GiB or 8G")
    return n_bytes


def format_bytes(n_bytes: int | None) -> str:
    """``n_bytes`` for people, in decimal units and three digits: ``613 MB``, ``6.50 GB``.

    ``None`` is ``unknown``. Below 1000 bytes the figure is exact, above it is
    rounded by at most half a percent; :func:`parse_bytes` reads it back.
    """
    if n_bytes is None:
        return "unknown"
    if abs(n_bytes) < 1000:
        return f"{n_bytes} B"
    value, unit = n_bytes / 1000, "KB"
    for unit in ("KB", "MB", "GB", "TB"):
        # Compared after rounding: 999,999 bytes are 1.00 MB, not 1000 KB.
        if abs(value) < 999.5 or unit == "TB":
            break
        value /= 1000
    digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{digits}f} {unit}"
