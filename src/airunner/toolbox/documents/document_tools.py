"""Tools that read documents: part by part, by search, and in summary.

Owns what is said about a document and how much of it at once. Reading files is
``documents.reading``, and which may be read ``tools.files_folder``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.documents.document import Document, Passage
from airunner.toolbox.documents.document_cache import DocumentCache
from airunner.toolbox.documents.pdf import page_ranges
from airunner.toolbox.documents.reading import DOCUMENT_SUFFIXES
from airunner.toolbox.documents.reading_process import ReadingProcess
from airunner.toolbox.files.folder_walk import walk
from airunner.toolbox.text.summary import summarize
from airunner.tools.files_folder import FilesFolder, file_meant
from airunner.tools.tool import tool
from airunner.tools.word_index import WordIndex

_MOST_DOCUMENTS = 200
_MOST_CHARACTERS = 50_000_000
_SEARCH_SECONDS = 60.0
_MOST_NAMED = 5
_SUMMARY_SECONDS = 3600.0
_REPORTED_PAGES = 100
_CACHE = DocumentCache()

_File = Annotated[str, Field(max_length=255)]


@tool(permission="read", resolve={"file": file_meant})
def read_document(
    file: _File,
    part: Annotated[int, Field(ge=1)] = 1,
    page: Annotated[int, Field(ge=0)] = 0,
    api: Any = None,
) -> str:
    """Read a document (PDF, Word, web page, Markdown, text) part by part.

    Args:
        file: its name.
        part: which part to read, from 1.
        page: a page of a PDF to read instead.
    """
    document = _document("read_document", file, api)
    number = _part_of_page(document, page) if page else part
    count = len(document.parts)
    if number > count:
        raise ToolRetryError(f"{document.name} has {count} parts; ask for one from 1 to {count}.")
    shown = document.parts[number - 1]
    pages = ""
    if shown.pages:
        pages = f" ({page_ranges(shown.pages).lower()} of {document.page_count})"
    more = f" Ask for part {number + 1} to go on." if number < count else ""
    head = f"{_named(document)}, part {number} of {count}{pages}.{more}"
    notes = document.notes if number == 1 else ()
    return f"{' '.join([head, *notes])}\n\n{shown.text}"


@tool(permission="read", resolve={"file": file_meant})
def search_documents(
    query: Annotated[str, Field(max_length=1000)],
    file: _File = "",
    max_results: Annotated[int, Field(ge=1, le=10)] = 4,
    api: Any = None,
) -> str:
    """Find the passages that speak of something, with page numbers, in one document or in all.

    Args:
        query: the words to look for.
        file: the name of the one document to search; empty for every one there is.
        max_results: how many passages at most.
    """
    left_out: list[str] = []
    if file:
        documents = [_document("search_documents", file, api)]
        where = _named(documents[0])
    else:
        documents, left_out = _all_documents(api)
        where = f"{len(documents)} document{'s' * (len(documents) != 1)}"
    passages = [passage for document in documents for passage in document.passages]
    index = WordIndex(["text"], ([passage.text] for passage in passages))
    found = [passages[number] for number in index.find(query, max_results)]
    head = f"What fits {query!r} best in {where}:"
    if not found:
        head = f"Nothing in {where} has a word of {query!r}. Try other words for it."
    listed = [_listed(passage, with_name=not file) for passage in found]
    return "\n\n".join([head, *listed, *_not_searched(left_out)])


@tool(
    permission="read",
    uses=(ModelCapability.SUMMARIZATION,),
    resolve={"file": file_meant},
    timeout_s=_SUMMARY_SECONDS,
)
def summarize_document(
    file: _File,
    max_sentences: Annotated[int, Field(ge=1, le=12)] = 5,
    api: Any = None,
) -> str:
    """Summarize a document of any length.

    Args:
        file: its name.
        max_sentences: the most sentences that the summary may have.
    """
    document = _document("summarize_document", file, api)
    summary = summarize("summarize_document", document.text, max_sentences, api)
    size = f"{document.page_count} pages" if document.page_count > 1 else ""
    head = f"Summary of {_named(document)}{size and f' ({size})'}:"
    return " ".join([head, summary, *document.notes])


def _all_documents(api: Any) -> tuple[list[Document], list[str]]:
    """The newest documents that there is time and room for, and why the others are left out."""
    files: FilesFolder = api.files
    entries = [
        entry
        for entry in walk(files, files.path, deep=True)
        if entry.path.suffix.lower() in DOCUMENT_SUFFIXES and not api.forbids("file", entry.name)
    ]
    entries.sort(key=lambda entry: -entry.modified_s)
    left_out = [f"{entry.name} (only {_MOST_DOCUMENTS} are)" for entry in entries[_MOST_DOCUMENTS:]]
    entries = entries[:_MOST_DOCUMENTS]
    documents: list[Document] = []
    room, until_s = _MOST_CHARACTERS, time.monotonic() + _SEARCH_SECONDS
    check = partial(_stop_if_cancelled, "search_documents", api)
    with ReadingProcess() as process:
        for entry in entries:
            if room <= 0 or time.monotonic() > until_s:
                left_out.append(f"{entry.name} (no time or room left)")
                continue
            try:
                watch = _watch("search_documents", api)
                documents.append(_CACHE.read(entry.path, entry.name, watch, check, process))
            except ToolFailedError as error:
                _stop_if_cancelled("search_documents", api)
                left_out.append(f"{entry.name} ({error.problem})")
                continue
            room -= documents[-1].characters
            api.report(f"{len(documents)} of {len(entries)} documents")
    return documents, left_out


def _document(name: str, file: str, api: Any) -> Document:
    files: FilesFolder = api.files
    path = files.readable(file)
    try:
        check = partial(_stop_if_cancelled, name, api)
        return _CACHE.read(path, files.name_of(path), _watch(name, api), check)
    except ToolFailedError as error:
        if error.tool == name:
            raise
        # Readers do not know for which tool they read.
        raise ToolFailedError(name, f"{error.tool}: {error.problem}") from error


def _watch(name: str, api: Any) -> Callable[[int, int], None]:
    """Called for each page that is read: reports now and then, and ends what nobody waits for."""

    def on_page(number: int, count: int) -> None:
        _stop_if_cancelled(name, api)
        if number % _REPORTED_PAGES == 0:
            api.report(f"page {number} of {count}")

    return on_page


def _stop_if_cancelled(name: str, api: Any) -> None:
    if api.cancelled:
        raise ToolFailedError(name, "it was given up")


def _part_of_page(document: Document, page: int) -> int:
    if not document.page_count:
        raise ToolRetryError(f"{document.name} has no pages; ask for a part instead.")
    if page > document.page_count:
        raise ToolRetryError(f"{document.name} has {document.page_count} pages.")
    for number, part in enumerate(document.parts, start=1):
        if page in part.pages:
            return number
    raise ToolRetryError(f"There is no text on page {page}. {' '.join(document.notes)}")


def _named(document: Document) -> str:
    return f"{document.name} “{document.title}”" if document.title else document.name


def _listed(passage: Passage, *, with_name: bool) -> str:
    place = f"{passage.document}, {passage.place}" if with_name else passage.place
    return f"[{place}]\n{passage.text.strip()}"


def _not_searched(names: Sequence[str]) -> Iterable[str]:
    if names:
        more = len(names) - _MOST_NAMED
        some = ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
        yield f"Not searched: {some}."
