"""Word documents (DOCX): paragraphs, headings, lists, tables and notes, as Markdown.

Owns the walk through a document's XML (ECMA-376, part 1, chapter 17). It is our own,
as python-docx passes over what stands in content controls, tracked insertions and
text boxes. Deleted text is left out; numbers that Word counts itself are not counted.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from airunner.errors import ToolFailedError
from airunner.toolbox.documents.document import Document, clean_text
from airunner.toolbox.documents.markdown import markdown_document

MOST_XML_BYTES = 28_000_000
MOST_BYTES = 300_000_000
MOST_ENTRIES = 5_000
"""Bounds on what the archive unpacks to, counted and not believed.

What counts as XML is told from its content: the document says itself which of its members
are read, whatever they are called.
"""

_CHUNK_BYTES = 1 << 20
_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_BEFORE_XML = b" \t\r\n\0\xef\xbb\xbf\xfe\xff"  # blanks and byte order marks
_XML_BEGINS = (b"<", b"\x4c\x6f\xa7")  # the latter in EBCDIC, which libxml2 reads
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PARAGRAPH, _TABLE, _TEXT_BOX = f"{_W}p", f"{_W}tbl", f"{_W}txbxContent"
_ROW, _CELL = f"{_W}tr", f"{_W}tc"
_GONE = {f"{_W}del", f"{_W}moveFrom", f"{_W}pPr", _FALLBACK}
_SIGNS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
_HEADING_STYLE = re.compile(r"(?i)heading ([1-6])")
_LIST_STYLE = re.compile(r"(?i)list (?:bullet|number)")
_LONGEST_CHAIN = 5
_DEPTHS = set("012345678")
_NOTE_PARTS = ("footnote", "endnote")


def read_docx(path: Path, name: str) -> Document:
    """A DOCX file.

    Raises:
        ToolFailedError: it is damaged, no Word document, or unpacks to too much.
    """
    import docx

    try:
        _check_size(path, name)
        word = docx.Document(str(path))
        blocks = list(_Walk(_markers(word)).blocks(word.element.body))
        text = "\n\n".join(filter(None, [*blocks, *_notes(word)]))
        title = " ".join(clean_text(word.core_properties.title or "").split())
    except ToolFailedError:
        raise
    except Exception as error:  # zip, XML and package errors of four libraries
        problem = f"it is damaged, or no Word document ({type(error).__name__})"
        raise ToolFailedError(f"reading {name}", problem) from error
    return markdown_document(text, name, title)


def _check_size(path: Path, name: str) -> None:
    """Unpack everything once and keep nothing: what an archive says of its sizes may be a lie."""
    xml_bytes = total_bytes = 0
    with zipfile.ZipFile(path) as archive:
        too_much = len(archive.infolist()) > MOST_ENTRIES
        for entry in archive.infolist():
            if entry.compress_type not in _COMPRESSIONS:
                problem = "it is compressed in a way that no word processor writes"
                raise ToolFailedError(f"reading {name}", problem)
            with archive.open(entry) as file:
                is_xml = None
                while not too_much and (chunk := file.read(_CHUNK_BYTES)):
                    if is_xml is None:
                        is_xml = _is_xml(chunk)
                    total_bytes += len(chunk)
                    xml_bytes += len(chunk) * is_xml
                    too_much = xml_bytes > MOST_XML_BYTES or total_bytes > MOST_BYTES
            if too_much:
                problem = "it unpacks to more than any sensible document has"
                raise ToolFailedError(f"reading {name}", problem)


def _is_xml(beginning: bytes) -> bool:
    text = beginning.lstrip(_BEFORE_XML)
    return not text or text.startswith(_XML_BEGINS)


def _markers(word: Any) -> dict[str, str]:
    """What a paragraph of a style begins with in Markdown, by the style's id.

    A style of the user's own counts as the one that it is based on.
    """
    named: dict[str, tuple[str, str]] = {}  # python-docx looks for a style through all of them
    for style in word.styles.element.iterchildren(f"{_W}style"):
        says = tuple(_value(style.find(f"{_W}{tag}")) for tag in ("name", "basedOn"))
        named.setdefault(style.get(f"{_W}styleId") or "", (says[0], says[1]))
    markers = {}
    for style_id in named:
        based = style_id
        for _ in range(_LONGEST_CHAIN):
            name, based = named.get(based, ("", ""))
            if marker := _marker(name):
                markers[style_id] = marker
                break
    return markers


def _marker(style: str) -> str:
    if found := _HEADING_STYLE.match(style):
        return "#" * int(found[1])
    return "#" if style == "Title" else "-" if _LIST_STYLE.match(style) else ""


def _notes(word: Any) -> Iterator[str]:
    """Footnotes and endnotes, each beginning with the mark that refers to it."""
    from docx.oxml import parse_xml

    seen = set()
    for relation in word.part.rels.values():
        kind = relation.reltype.rpartition("/")[2].removesuffix("s")
        if kind not in _NOTE_PARTS or relation.is_external:
            continue
        if (name := str(relation.target_part.partname)) in seen:
            continue  # a relation takes few bytes, and its part is read for each
        seen.add(name)
        for note in parse_xml(relation.target_part.blob).iter(f"{_W}{kind}"):
            # Separators have a type; they are no notes.
            if note.get(f"{_W}type") in (None, "normal"):
                text = " ".join(" ".join(_Walk({}).blocks(note)).split())
                yield f"{_mark(kind, note)}: {text}" if text else ""


class _Walk:
    """Through a part of the XML, from which it makes blocks of Markdown."""

    def __init__(self, markers: Mapping[str, str]) -> None:
        self._markers = markers

    def blocks(self, parent: Any) -> Iterator[str]:
        """Paragraphs and tables in order, wherever in ``parent`` they stand."""
        for child in _inside(parent, {_PARAGRAPH, _TABLE}):
            if child.tag == _TABLE:
                yield self._table(child)
                continue
            yield self._paragraph(child)
            for box in _inside(child, {_TEXT_BOX}):
                yield from self.blocks(box)

    def _paragraph(self, paragraph: Any) -> str:
        text = "".join(_characters(paragraph)).strip("\n")
        if not text.strip():
            return ""
        marker = self._markers.get(_value(paragraph.find(f"{_W}pPr/{_W}pStyle")), "")
        if marker.startswith("#"):
            return f"{marker} {' '.join(text.split())}"
        item = paragraph.find(f"{_W}pPr/{_W}numPr")
        if item is None:
            return f"{marker} {text}".lstrip(" ")
        depth = _value(item.find(f"{_W}ilvl"))
        return f"{'  ' * (int(depth) if depth in _DEPTHS else 0)}- {text}"

    def _table(self, table: Any) -> str:
        rows = [
            [" ".join(" ".join(self.blocks(cell)).split()) for cell in _inside(row, {_CELL})]
            for row in _inside(table, {_ROW})
        ]
        lines = [f"| {' | '.join(row)} |" for row in rows if any(row)]
        if len(lines) > 1:
            lines.insert(1, "|" + "---|" * len(rows[0]))
        return "\n".join(lines)


def _inside(parent: Any, wanted: Set[str]) -> Iterator[Any]:
    """Elements of these kinds below ``parent``, but none inside another of them."""
    for child in parent:
        if child.tag in wanted:
            yield child
        elif child.tag not in _GONE:
            yield from _inside(child, wanted)


def _value(element: Any) -> str:
    return "" if element is None else element.get(f"{_W}val") or ""


def _characters(node: Any) -> Iterator[str]:
    for child in node:
        if child.tag in (f"{_W}t", f"{_MATH}t"):
            yield child.text or ""
        elif sign := _SIGNS.get(child.tag):
            yield sign
        elif child.tag in (f"{_W}footnoteReference", f"{_W}endnoteReference"):
            yield _mark(child.tag.removeprefix(_W).removesuffix("Reference"), child)
        elif child.tag not in _GONE and child.tag != _TEXT_BOX:
            yield from _characters(child)


def _mark(kind: str, element: Any) -> str:
    return f"[^{'e' * (kind == 'endnote')}{element.get(f'{_W}id')}]"
