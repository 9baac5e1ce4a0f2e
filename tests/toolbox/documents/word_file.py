"""Makers of Word files: python-docx for what it can write, raw XML for what it cannot."""

from __future__ import annotations

import zipfile
from pathlib import Path

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_FOOTNOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"


def write_contract(path: Path) -> Path:
    """A contract with headings, lists, a table with another inside, and a page break."""
    word = docx.Document()
    word.core_properties.title = "Lease"
    word.add_heading("Rent", level=1)
    word.add_paragraph("The rent is 900 euros a month.")
    table = word.add_table(rows=0, cols=2)
    for row in (("Item", "Price"), ("Garage", "60"), ("Cellar", "15")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    inner = table.rows[2].cells[1].add_table(rows=1, cols=1)
    inner.rows[0].cells[0].text = "per month"
    word.add_paragraph("It is due on the first.", style="List Bullet")
    own = word.styles.add_style("Clause", 1)
    own.base_style = word.styles["Heading 2"]
    word.add_paragraph("Notice", style="Clause")
    word.add_page_break()
    word.add_paragraph("Either party may give three months' notice.")
    word.save(str(path))
    return path


def write_odd_word(path: Path) -> Path:
    """What python-docx itself passes over when it reads."""
    word = docx.Document()
    for xml in (
        f"<w:p {W}><w:r><w:t>Kept, </w:t></w:r>"
        "<w:ins w:id='1' w:author='a'><w:r><w:t>inserted</w:t></w:r></w:ins>"
        "<w:del w:id='2' w:author='a'><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        "<w:r><w:tab/><w:t>after a tab</w:t><w:footnoteReference w:id='2'/></w:r></w:p>",
        f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>In a content control.</w:t></w:r></w:p>"
        "</w:sdtContent></w:sdt>",
        f"<w:p {W} xmlns:mc='http://schemas.openxmlformats.org/markup-compatibility/2006'><w:r>"
        "<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><w:txbxContent><w:p><w:r>"
        "<w:t>In a text box.</w:t></w:r></w:p></w:txbxContent></w:drawing></mc:Choice>"
        "<mc:Fallback><w:pict><w:txbxContent><w:p><w:r><w:t>In a text box.</w:t></w:r></w:p>"
        "</w:txbxContent></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>",
    ):
        word.element.body.insert(0, parse_xml(xml))
    notes = (
        f"<w:footnotes {W}><w:footnote w:id='0' w:type='separator'><w:p><w:r><w:t>-----</w:t>"
        "</w:r></w:p></w:footnote><w:footnote w:id='2'><w:p><w:r><w:t>A note below.</w:t></w:r>"
        "</w:p></w:footnote></w:footnotes>"
    )
    part = Part(PackURI("/word/footnotes.xml"), _FOOTNOTES, notes.encode(), word.part.package)
    word.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    word.save(str(path))
    return path


def write_bomb(path: Path, mega_bytes: int) -> Path:
    """A Word file whose text unpacks to much more than it says in its directory."""
    write_contract(path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            if name == "word/document.xml":
                data = data.replace(b"900", b"9" * (mega_bytes * 1_000_000))
            archive.writestr(name, data)
    return path
