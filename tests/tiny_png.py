"""A real PNG picture of one colour, in some hundred bytes."""

from __future__ import annotations

import struct
import zlib

from airunner.messages import ImagePart


def png(width: int = 32, height: int = 32, colour: tuple[int, int, int] = (255, 0, 0)) -> bytes:
    rows = b"".join(b"\0" + bytes(colour) * width for _ in range(height))
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


RED = ImagePart(png(), "image/png")
GREEN = ImagePart(png(colour=(0, 200, 0)), "image/png")
