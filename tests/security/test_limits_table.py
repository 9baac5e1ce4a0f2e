"""The table of limits in the manual says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from airunner import media
from airunner.config import text_file, toml_file
from airunner.config.byte_size import format_bytes
from airunner.errors import base
from airunner.json_schema import plain
from airunner.mcp.client import result
from airunner.models.files import gguf_header, pipeline, safetensors
from airunner.records import foreign_exports
from airunner.server import json_bodies
from airunner.toolbox.code.sandbox.limits import Limits as ScriptLimits
from airunner.toolbox.documents import docx, pdf, reading, reading_process
from airunner.toolbox.tables import csv_text, database, query_process
from airunner.toolbox.web import fetcher, page, saving
from airunner.tools import normal_form
from airunner.weights import file_name

PAGE = Path(__file__).parents[2] / "docs/security.md"
SCRIPT, QUERY = ScriptLimits(), database.Limits()


def size(n_bytes: int) -> str:
    """As the manual writes it: without zeros behind the point."""
    number, unit = format_bytes(n_bytes).split()
    return f"{float(number):g} {unit}"


LIMITS = {
    "Header of a safetensors file": (
        f"{size(safetensors._MAX_HEADER_BYTES)}, {safetensors._MAX_ITEMS:,} values"
    ),
    "Metadata entries, and tensors, of a GGUF file": f"{gguf_header._MAX_ENTRIES:,} each",
    "Texts in all arrays of a GGUF file": f"{gguf_header._MAX_STRINGS:,}",
    "Names and values kept of a GGUF header": size(gguf_header._MAX_KEPT_BYTES),
    "Index or configuration of a pipeline": size(pipeline._MAX_JSON_BYTES),
    "`config.toml`": f"{toml_file.MOST_BYTES:,} bytes",
    "`mcp.json`": size(text_file.MOST_BYTES),
    "Document": (
        f"{size(reading.MOST_BYTES)}, {reading.MOST_CHARACTERS:,} characters, "
        f"{pdf.MOST_PAGES:,} pages"
    ),
    "Reading one page of a PDF, or another document": f"{reading_process.LONGEST_PAGE_S:g} s",
    "Reading one document": (
        f"{reading_process.LONGEST_S:g} s, {size(reading_process.MOST_MEMORY_BYTES)} of addresses"
    ),
    "Word file, unpacked": (
        f"{size(docx.MOST_BYTES)}, of it {size(docx.MOST_XML_BYTES)} of XML, "
        f"{docx.MOST_ENTRIES:,} members"
    ),
    "Web page": f"{size(page.MAX_PAGE_BYTES)}, {page.PAGE_S:g} s",
    "JSON page that is laid out": (f"{page._MOST_ITEMS:,} values, {size(page._MOST_INDENTED)}"),
    "Download of a tool": f"{size(saving.MAX_FILE_BYTES)}, {saving.FILE_S:g} s",
    "Redirects": f"{fetcher.MAX_REDIRECTS}",
    "Table as CSV": f"{size(csv_text.MAX_FILE_BYTES)}, {csv_text.MAX_COLUMNS} columns",
    "SQL statement": (
        f"{database.MAX_SQL:,} characters, {QUERY.time_s:g} s, "
        f"{query_process._LONGEST_S:g} s with its process"
    ),
    "Script of `run_python`": (
        f"{SCRIPT.time_s:g} s, {size(SCRIPT.memory_bytes)}, "
        f"{SCRIPT.output_chars:,} characters of output"
    ),
    "Picture or recording": f"{size(media.MOST_BYTES)}, {media.MOST_PIXELS:,} pixels",
    "Nesting of a request's body": f"{json_bodies.MOST_DEPTH} levels",
    "Schema of a tool": (f"{plain.MAX_SCHEMA_CHARACTERS:,} characters, {plain.MAX_DEPTH} levels"),
    "Result of an MCP tool": f"{result.MAX_RESULT:,} characters",
    "Import of conversations, unpacked": (
        f"{size(foreign_exports.MOST_BYTES)}, {foreign_exports.MOST_ITEMS:,} values a file"
    ),
    "Combining marks behind one letter": f"{normal_form.MOST_MARKS}",
    "Message of an error": f"{base.MOST_CHARACTERS:,} characters",
    "File name given by others": f"{file_name.MOST_BYTES} bytes",
}


def test_the_manual_states_the_limits_of_the_code() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Limits\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert dict(rows[1:]) == LIMITS
