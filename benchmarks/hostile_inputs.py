"""Inputs that were made to cost their reader as much as they can, each up to the size limit.

Owns what they are and which reader is for them; measuring is ``benchmarks.worst_inputs``.
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

Make = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """What reads a file, and inputs by what they are.

    ``limit`` says what one may have; ``reason`` why it may cost more than others.
    """

    file_name: str
    limit: str
    read: Callable[[Path], object]
    inputs: Mapping[str, Make]
    reason: str = ""


def repeated(piece: str | bytes, n_bytes: int, head: bytes = b"", tail: bytes = b"") -> Make:
    """A file of ``piece`` again and again."""
    data = piece.encode() if isinstance(piece, str) else piece
    times = (n_bytes - len(head) - len(tail)) // len(data)
    return lambda path: path.write_bytes(head + data * times + tail)


def _header(body: bytes) -> bytes:
    return struct.pack("<Q", len(body)) + body


def _headers(n_bytes: int) -> Mapping[str, Make]:
    def tensors(path: Path) -> object:
        text = ",".join(
            f'"{n}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for n in range(140_000)
        )
        return path.write_bytes(_header(b"{" + text.encode() + b"}"))

    return {
        "lists in a list": lambda p: p.write_bytes(
            _header(b'{"a":[' + b"[]," * (n_bytes // 3 - 9) + b"[]]}")
        ),
        "140,000 tensors": tensors,
        "one long text": lambda p: p.write_bytes(
            _header(b'{"__metadata__":{"a":"' + b"a" * (n_bytes - 100) + b'"}}')
        ),
        "escapes": lambda p: p.write_bytes(
            _header(b'{"__metadata__":{"a":"' + b"\\u00e9" * (n_bytes // 6 - 9) + b'"}}')
        ),
    }


def _text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def _ggufs() -> Mapping[str, Make]:
    def made(entries: int, body: Iterator[bytes]) -> Make:
        def write(path: Path) -> None:
            with path.open("wb") as file:
                file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, entries))
                file.writelines(body)

        return write

    def texts() -> Iterator[bytes]:
        yield _text(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 4_190_000)
        yield from (_text(b"%07d" % n) for n in range(4_190_000))

    keys = (_text(b"%06d" % n + b"k" * 1_000) + b"\7\0\0\0\1" for n in range(130_000))
    return {"4,190,000 texts": made(1, texts()), "130,000 long keys": made(130_000, keys)}


def _docx(xml: Callable[[], bytes]) -> Make:
    kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"

    def write(path: Path) -> None:
        parts = {
            "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            b'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
            b'package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="'
            + kind.encode()
            + b'"/></Types>',
            "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
            b'relationships"><Relationship Id="r1" Type="' + office.encode() + b'" Target="word/'
            b'document.xml"/></Relationships>',
            "word/document.xml": b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocess'
            b'ingml/2006/main"><w:body>' + xml() + b"</w:body></w:document>",
        }
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in parts.items():
                archive.writestr(name, data)

    return write


def _pdf(contents: Callable[[], bytes], pages: int) -> Make:
    """Pages that all have the same content."""

    def write(path: Path) -> None:
        packed = zlib.compress(contents())
        objects = [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [%s] /Count %d >>"
            % (b" ".join(b"%d 0 R" % (5 + n) for n in range(pages)), pages),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed) + packed
            + b"\nendstream",
            *[
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 "
                b"3 0 R >> >> /Contents 4 0 R >>"
            ] * pages,
        ]  # fmt: skip
        data, places = bytearray(b"%PDF-1.4\n"), []
        for number, each in enumerate(objects, 1):
            places.append(len(data))
            data += b"%d 0 obj\n%s\nendobj\n" % (number, each)
        start = len(data)
        data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
        data += b"".join(b"%010d 00000 n \n" % place for place in places)
        data += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
            len(objects) + 1,
            start,
        )
        path.write_bytes(data)

    return write


def _zipped(name: str, data: Callable[[], bytes]) -> Make:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, data())

    return write


def _said(text: bytes, times: int = 1) -> bytes:
    """A list of conversations as Open WebUI exports them."""
    each = b'{"chat":{"messages":[{"role":"user","content":"' + text + b'"}]}}'
    return b"[" + b",".join([each] * times) + b"]"


def _png(side: int) -> Make:
    def write(path: Path) -> None:
        def chunk(kind: bytes, data: bytes) -> bytes:
            return (
                struct.pack(">I", len(data))
                + kind
                + data
                + struct.pack(">I", zlib.crc32(kind + data))
            )

        rows = zlib.compress(bytes(side * 4 + 1) * side, 9)
        head = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
        parts = (chunk(b"IHDR", head), chunk(b"IDAT", rows), chunk(b"IEND", b""))
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))

    return write


def _read_tensors(path: Path) -> object:
    from airunner.models.files.safetensors import read_tensors

    return read_tensors(path)


def _read_gguf(path: Path) -> object:
    from airunner.models.files.gguf import read_gguf

    return read_gguf(path)


def _read_toml(path: Path) -> object:
    from airunner.config.settings import Settings

    return Settings.load({"config": str(path)}, {})


def _read_mcp(path: Path) -> object:
    from airunner.mcp.client.config import read_mcp_config

    return read_mcp_config(path, origin="test", required=True)


def _read_document(path: Path) -> object:
    from airunner.toolbox.documents.reading import read_document
    from airunner.tools.word_index import WordIndex

    document = read_document(path.resolve(), path.name)
    passages = document.passages
    WordIndex(["text"], ([each.text] for each in passages)).find("a word", 4)
    return document.parts


def _read_table(path: Path) -> object:
    from airunner.toolbox.tables.query_process import answer

    return answer(path.resolve(), path.name, "", "query_table")


def _ask_table(path: Path) -> object:
    from airunner.toolbox.tables.query_process import answer

    endless = "SELECT count(*) FROM range(100000000) x, range(100000000) y, t"
    return answer(path.resolve(), path.name, endless, "query_table")


def _read_json_page(path: Path) -> object:
    from airunner.toolbox.web.page import _over_lines

    return _over_lines(path.read_bytes())


def _read_export(path: Path) -> object:
    from airunner.records.foreign_exports import read_export

    with path.open("rb") as file, read_export(file) as export:
        for each in export.conversations:
            del each  # as who imports them does
        return export


def _read_schema(path: Path) -> object:
    from airunner.errors import InvalidToolError
    from airunner.tools.json_form import JsonForm

    try:
        form = JsonForm("tool", json.loads(path.read_bytes()))
    except RecursionError:
        raise InvalidToolError("tool", "nested too deeply") from None
    form.validate({"a": 1, "b": ["x", None]})
    return form.decoding


def _read_chat(path: Path) -> object:
    from airunner.server.json_bodies import problem_in
    from airunner.server.openai.chat_request import ChatCompletionRequest

    body = path.read_bytes()
    return problem_in(body) or ChatCompletionRequest.model_validate(json.loads(body))


def _read_picture(path: Path) -> object:
    from airunner.runtime.start_pictures import StartPictures

    return StartPictures(path.parent).add(path.read_bytes(), "a.png")


def _show_markdown(path: Path) -> object:
    from airunner.ui.safe_markdown import blocks, rendered

    return [rendered(each) for each in blocks(path.read_text())]


def _search_lines(path: Path) -> object:
    from airunner.toolbox.files.line_search import lines_matching

    return lines_matching([path.read_text()], "(a+)+$", 5.0, lambda: False)


def _run_script(path: Path) -> object:
    from airunner.toolbox.code.code_tools import run_python

    return run_python(path.read_text())


def _sum(path: Path) -> object:
    from airunner.toolbox.math.numbers.arithmetic import evaluate

    return evaluate(path.read_text())


MARKS = {
    "headings": "# a\n", "stars": "*a ", "brackets": "[a](", "backquotes": "`", "tables": "|a|b|\n",
    "lists": "- a\n", "underlined": "a\n=\n", "quotations": "> ", "accents": "a\u0301",
    "words": "a ",
}  # fmt: skip
TAGS = {
    "links": "<a href=x>", "bold": "<b>x", "tables": "<table><tr><td>", "paragraphs": "<p>a b c. ",
    "attributes": "<p a=b c=d e=f>", "comments": "<!--",
}  # fmt: skip
PARAGRAPH = b"<w:p><w:r><w:t>a</w:t></w:r></w:p>"


def _with(make: Mapping[str, str], n_bytes: int) -> Mapping[str, Make]:
    return {name: repeated(piece, n_bytes) for name, piece in make.items()}


BEE = "\U0001f41d".encode()
LIBRARY = "read by a library, in a process with limits of its own"
READERS: dict[str, Reader] = {
    "safetensors": Reader(
        "a.safetensors", "a header of 100 MB", _read_tensors, _headers(99_000_000)
    ),
    "GGUF": Reader("a.gguf", "4,194,304 texts, 134 MB kept", _read_gguf, _ggufs()),
    "`config.toml`": Reader("c.toml", "65,536 bytes", _read_toml, {
        "brackets": repeated("[", 65_000, b"a = "),
        "dots": repeated("a.", 65_000, b"[", b"a]"),
        "tables": lambda p: p.write_text("".join(f"[models.m{n}]\n" for n in range(4_000))),
        "keys": lambda p: p.write_text("".join(f"k{n} = 1\n" for n in range(6_000))),
    }),
    "`mcp.json`": Reader("mcp.json", "1 MB", _read_mcp, {
        "brackets": repeated("[", 990_000),
        "servers": lambda p: p.write_text(json.dumps(
            {"mcpServers": {f"s{n}": {"command": "x"} for n in range(30_000)}})),
    }),
    "Markdown": Reader("a.md", "50 MB, 5,000,000 characters", _read_document,
                       _with(MARKS, 4_990_000)),
    "plain text": Reader("a.txt", "50 MB, 5,000,000 characters", _read_document, {
        **_with({"words": "a ", "line ends": "\n", "one line": "a"}, 4_990_000),
        "not UTF-8": repeated(b"\xe9 ", 49_000_000),
    }),
    "web page": Reader("a.html", "10 MB, 120,000 tags, 60 s", _read_document, {
        name: repeated(piece, min(9_900_000, 119_000 * len(piece) // piece.count("<")))
        for name, piece in TAGS.items()
    } | {"text": repeated("a b c. ", 9_900_000)}, LIBRARY),
    "Word": Reader("a.docx", "28 MB of XML, 60 s", _read_document, {
        "paragraphs": _docx(lambda: PARAGRAPH * 790_000),
        "nested": _docx(lambda: b"<w:p>" * 200_000 + b"</w:p>" * 200_000),
        "one text": _docx(lambda: b"<w:p><w:r><w:t>" + b"a " * 13_000_000 + b"</w:t></w:r></w:p>"),
    }, LIBRARY),
    "PDF": Reader("a.pdf", "2,000 pages, 60 s a page, 600 s", _read_document, {
        "2,000 pages": _pdf(lambda: b"BT /F1 9 Tf 9 9 Td (a b c) Tj ET", 2_000),
        "a page of 60 MB": _pdf(lambda: b"BT /F1 9 Tf (a) Tj ET " * 2_700_000, 1),
        "a page of graphics": _pdf(lambda: b"1 0 0 1 0 0 cm q Q " * 300_000, 1),
    }, LIBRARY),
    "CSV": Reader("a.csv", "50 MB, 300 columns", _read_table, {
        "narrow": repeated("1,2\n", 49_900_000),
        "wide": repeated(",".join("1" * 300) + "\n", 49_900_000),
        "texts": repeated("abc def,xyz\n", 49_900_000),
        "quotes": repeated('"""",""""\n', 49_900_000),
        "days": repeated("2026-01-01,1.5\n", 49_900_000),
    }, "tables of this size take DuckDB that long; the process has 60 s and 1.5 GB of addresses"),
    "SQL": Reader("t.csv", "10,000 characters, 5 s", _ask_table, {
        "endless": lambda p: p.write_text("a\n1\n"),
    }),
    "JSON page": Reader("a.json", "10 MB", _read_json_page, {
        "numbers": repeated("1,", 380_000, b"[", b"1]"),
        "nested": repeated("[", 9_900_000),
        "one text": repeated("a", 9_900_000, b'["', b'"]'),
    }),
    "import": Reader("a.zip", "268 MB unpacked, 50.3 MB of each, 500,000 values", _read_export, {
        "numbers": _zipped("conversations.json", lambda: b"[" + b"1," * 4_990_000 + b"1]"),
        "objects": _zipped("conversations.json", lambda: b"[" + b'{"a":1},' * 2_490_000 + b"{}]"),
        "values": _zipped("conversations.json", lambda: _said(
            b'","a":[' + b'{"b":1},' * 249_990 + b'{}],"b":"')),
        "one text": _zipped("conversations.json", lambda: b'["' + b"a" * 260_000_000 + b'"]'),
        "texts": _zipped("conversations.json", lambda: _said(b"a" * 50_000_000, 5)),
        "wide texts": _zipped("conversations.json", lambda: _said(
            b"a" * 12_500_000 + BEE + b'","a":"' + b"a" * 37_000_000, 5)),
    }),
    "schema of a tool": Reader("s.json", "262,144 characters, 64 levels", _read_schema, {
        "properties": lambda p: p.write_text(json.dumps({"type": "object", "properties": {
            f"p{n}": {} for n in range(20_000)}})),
        "alternatives": lambda p: p.write_text(json.dumps({"type": "object", "properties": {
            "a": {"anyOf": [{"type": "string", "minLength": n} for n in range(6_000)]}}})),
        "patterns": lambda p: p.write_text(json.dumps({"type": "object", "properties": {
            f"p{n}": {"type": "string", "pattern": "(a|b){1,90}"} for n in range(3_000)}})),
    }),
    "request": Reader("r.json", "100 levels", _read_chat, {
        "messages": lambda p: p.write_text(json.dumps({"model": "m", "messages": [
            {"role": "user", "content": "a"}] * 200_000})),
        "one text": lambda p: p.write_text(json.dumps({"model": "m", "messages": [
            {"role": "user", "content": "a" * 20_000_000}]})),
    }),
    "picture to draw from": Reader("a.png", "21 MB, 32,000,000 pixels", _read_picture, {
        "5,600 x 5,600 of nothing": _png(5_600),
        "60,000 x 60,000 by its head": lambda p: (_png(60)(p), p.write_bytes(
            p.read_bytes()[:16] + struct.pack(">II", 60_000, 60_000) + p.read_bytes()[24:])),
    }),
    "an answer on the page": Reader("a.md", "what a model writes; 200,000 characters here",
                                    _show_markdown, {
        **_with(MARKS, 200_000),
        "formulas": repeated("$a_1$ ", 200_000),
        "code": repeated("x = 1\n", 200_000, b"```python\n"),
        "a deep list": lambda p: p.write_text("".join(" " * n + "- a\n" for n in range(600))),
    }),
    "pattern in files": Reader("a.txt", "5 s", _search_lines, {
        "one line": repeated("a", 5_000, b"", b"!"),
    }),
    "script": Reader("a.py", "5 s, 268 MB", _run_script, {
        "endless": lambda p: p.write_text("while True: pass"),
        "memory": lambda p: p.write_text("a = 'a'\nwhile True: a += a"),
        "output": lambda p: p.write_text("while True: print('a' * 1000)"),
    }),
    "sum": Reader("a.txt", "what a model writes", _sum, {
        "factorials": repeated("9!+", 900, b"", b"1"),
        "powers": lambda p: p.write_text("9^9^9^9"),
        "digits": repeated("9", 4_000),
    }),
}  # fmt: skip
