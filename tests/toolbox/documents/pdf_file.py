"""A maker of real PDF files with text: no library, as none that we have writes text."""

from __future__ import annotations

import textwrap
import zlib
from collections.abc import Sequence
from pathlib import Path

_WIDTH = 90
_LINE = 14


def write_pdf(path: Path, pages: Sequence[str], *, title: str = "", compress: bool = True) -> Path:
    """Write ``pages`` as a PDF 1.4 file in Helvetica, one text a page, wrapped at 90 characters.

    An empty text makes a page without any. Text must fit Windows-1252.
    """
    catalog, tree, font, info = 1, 2, 3, 4
    objects: dict[int, bytes] = {
        catalog: b"<< /Type /Catalog /Pages 2 0 R >>",
        font: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        info: b"<< /Title " + _string(title) + b" >>",
    }
    kids = []
    for number, text in enumerate(pages):
        page, stream = 5 + 2 * number, 6 + 2 * number
        kids.append(f"{page} 0 R")
        content = _content(text)
        height = max(842, 100 + _LINE * content.count(b"Tj"))
        objects[page] = (
            f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 595 {height}] "
            f"/Resources << /Font << /F1 {font} 0 R >> >> /Contents {stream} 0 R >>"
        ).encode()
        content = content.replace(b"TOP", str(height - 60).encode())
        coding = b""
        if compress:
            content, coding = zlib.compress(content), b" /Filter /FlateDecode"
        head = b"<< /Length %d%s >>\nstream\n" % (len(content), coding)
        objects[stream] = head + content + b"\nendstream"
    objects[tree] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()

    data = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    places = {}
    for number in sorted(objects):
        places[number] = len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, objects[number])
    start = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for number in sorted(objects):
        data += b"%010d 00000 n \n" % places[number]
    data += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\n" % (
        len(objects) + 1,
        catalog,
        info,
    )
    data += b"startxref\n%d\n%%%%EOF\n" % start
    path.write_bytes(data)
    return path


def _content(text: str) -> bytes:
    if not text.strip():
        return b"0.5 w 100 100 m 200 200 l S"
    lines = [part for line in text.splitlines() for part in textwrap.wrap(line, _WIDTH) or [""]]
    shown = b"\n".join(_string(line) + b" Tj T*" for line in lines)
    return b"BT /F1 11 Tf %d TL 60 TOP Td\n%s\nET" % (_LINE, shown)


def _string(text: str) -> bytes:
    raw = text.encode("cp1252")
    for sign in (b"\\", b"(", b")"):
        raw = raw.replace(sign, b"\\" + sign)
    return b"(" + raw + b")"
