"""The table of limits in the manual says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from airunner import media, pictures
from airunner.access import connections
from airunner.config import queue_file, text_file, toml_file
from airunner.config.byte_size import format_bytes
from airunner.config.settings import Settings
from airunner.engines import silence
from airunner.engines.diffusers import source_picture
from airunner.errors import base
from airunner.json_schema import plain
from airunner.mcp.client import budget, result, server_log, supervisor
from airunner.mcp.server import server as mcp_server
from airunner.models.files import gguf_header, pipeline, safetensors
from airunner.records import foreign_exports, kept_files, listed_parts
from airunner.runtime import drawings
from airunner.server import json_bodies
from airunner.toolbox.code.sandbox.limits import Limits as ScriptLimits
from airunner.toolbox.documents import docx, html, pdf, reading, reading_process
from airunner.toolbox.tables import csv_text, database, query_process
from airunner.toolbox.web import deadline, fetcher, page, saving, search, search_process
from airunner.tools import normal_form
from airunner.weights import file_name, hub_api, url

PAGE = Path(__file__).parents[2] / "docs/security.md"
SCRIPT, QUERY = ScriptLimits(), database.Limits()
SILENCE = silence.SilenceLimits.of(Settings())


def size(n_bytes: float) -> str:
    """As the manual writes it: without zeros behind the point."""
    number, unit = format_bytes(int(n_bytes)).split()
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
    "Web page": f"{size(page.MAX_PAGE_BYTES)}, {html.MOST_TAGS:,} tags, {page.PAGE_S:g} s",
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
    "Message of an MCP server": (
        f"{size(budget.MOST_MESSAGE_BYTES)}, {budget.MOST_MESSAGE_ITEMS:,} values"
    ),
    "Schemas of all tools of an MCP server": f"{budget.MOST_MESSAGE_ITEMS:,} values",
    "Queue of drawings": f"{drawings.MOST_WAITING:,}, in a file of {size(queue_file.MOST_BYTES)}",
    "Texts of a picture in the gallery": f"{pictures._MOST_TEXT_BYTES:,} bytes",
    "Picture that a drawing begins with": f"{source_picture.MOST_PIXELS:,} pixels",
    "Messages of an MCP server": (
        f"{size(budget.MESSAGE_BYTES.at_once)} and {budget.MESSAGES.at_once:,} at once, "
        f"then {size(budget.MESSAGE_BYTES.per_s)} and {budget.MESSAGES.per_s:,} a second"
    ),
    "Log of an MCP server": (
        f"{size(budget.LOG_BYTES.at_once)} at once, then {size(budget.LOG_BYTES.per_s)} a second; "
        f"2 files of {size(server_log.HALF_BYTES)} stay"
    ),
    "End of an MCP server, before it is killed": (
        f"{supervisor.GRACE_S:g} s by itself, {supervisor.GRACE_S:g} s when told"
    ),
    "MCP over HTTP": (
        f"{mcp_server.MOST_SESSIONS} sessions, {mcp_server.SESSION_IDLE_S:g} s without a request, "
        f"{size(mcp_server.MOST_BODY_BYTES)} a request"
    ),
    "Loading a model": (
        f"{SILENCE.load_s:g} s, and 1 s for each {size(silence.SLOWEST_DISK_BYTES_PER_S)}"
    ),
    "Silence before an answer": (
        f"{SILENCE.first_token_s:g} s, and 1 s for each "
        f"{size(silence.SLOWEST_READING_BYTES_PER_S)} of weights passed over in reading it"
    ),
    "Silence within an answer": (
        f"{SILENCE.next_token_s:g} s, and the same for {silence._BATCH} tokens of another prompt"
    ),
    "Client that does not read its answer": (
        f"{connections.READ_WAIT_S:g} s for each {size(connections.LEAST_BYTES)}"
    ),
    "Head of an answer with a file, all redirects": f"{url.HEAD_TIMEOUT_S:g} s",
    "Slowness of a download, before it begins anew; 5 in a row end it": (
        f"{size(url.SLOWEST_BYTES)} in {url.SLOWEST_S:g} s"
    ),
    "Look at a hub, all of it": f"{hub_api._LONGEST_S:g} s",
    "Silence of an image model, a step": f"{silence.DRAWING_S:g} s",
    "One service of `search_web`, all": (
        f"{search.SERVICE_S:g} s, {search_process.LONGEST_S:g} s, "
        f"{size(search_process.MOST_MEMORY_BYTES)} of addresses"
    ),
    "Between two looks whether a fetch was given up": f"{deadline.LOOK_S:g} s",
    "Import of conversations, unpacked": (
        f"{size(foreign_exports.MOST_BYTES)}; {size(listed_parts.MOST_PART_BYTES)} and "
        f"{foreign_exports.MOST_ITEMS:,} values a conversation"
    ),
    "Attached files": (
        f"{size(media.MOST_BYTES)} each, {kept_files.MOST_FILES} and "
        f"{size(kept_files.MOST_BYTES)} a conversation, "
        f"{size(kept_files.MOST_EXPORTED_BYTES)} in an export"
    ),
    "Combining marks behind one letter": f"{normal_form.MOST_MARKS}",
    "Message of an error": f"{base.MOST_CHARACTERS:,} characters",
    "File name given by others": f"{file_name.MOST_BYTES} bytes",
}


def test_the_manual_states_the_limits_of_the_code() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n## Limits\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert dict(rows[1:]) == LIMITS
