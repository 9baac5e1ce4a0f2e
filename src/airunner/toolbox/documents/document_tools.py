"""Tools that read documents: part by part, by search, in summary, and by question.

Owns what is said about a document and how much of it at once. Reading files is
``tools.documents.reading``, and which may be read ``tools.files_folder``.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.documents.answer import Answer, answer_from, evidence_for
from airunner.toolbox.documents.document import Document, Passage
from airunner.toolbox.documents.document_cache import DocumentCache
from airunner.toolbox.documents.folder_walk import Entry, walk
from airunner.toolbox.documents.pdf import page_ranges
from airunner.toolbox.documents.ranking import best_passages, words
from airunner.toolbox.documents.reading import DOCUMENT_SUFFIXES
from airunner.toolbox.text.summary import summarize
from airunner.tools.files_folder import FilesFolder
from airunner.tools.tool import tool
from airunner.tools.user_words import FileName, Matching, RequestText

_MOST_DOCUMENTS = 200
_SEARCH_SECONDS = 60.0
_MOST_NAMED = 5
_SHOWN_PASSAGES = 3
_SUMMARY_SECONDS = 3600.0
_REPORTED_PAGES = 100
_SHELF = DocumentCache()

_File = Annotated[FileName, Field(max_length=255)]
_Words = Annotated[RequestText, Field(max_length=1000)]


@tool(
    permission="read",
    examples=(
        "please read report.pdf",
        "open notes/plan.md for me",
        "show me the text of contract.docx",
        "read page 12 of manual.pdf",
        "read part 3 of thesis.pdf",
        "what is in letter.txt?",
        "let me see the contents of readme.md",
        "can you open invoice.pdf and show what's written there",
        "display the file minutes.docx",
        "go on with the next part of handbook.pdf",
    ),
)  # fmt: skip
def read_document(
    file: _File,
    part: Annotated[int, Field(ge=1), Matching(r"\bpart (\d{1,4})\b")] = 1,
    page: Annotated[int, Field(ge=0), Matching(r"\bpage (\d{1,4})\b")] = 0,
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


@tool(
    permission="read",
    examples=(
        "search report.pdf for revenue",
        "find the passages on the notice period in contract.pdf",
        "where does manual.pdf mention the filter?",
        "look for payment terms in offer.docx",
        "on which pages of thesis.pdf is entropy discussed",
        "find \"liability\" in terms.docx",
        "does guide.md have a section on backups, and where?",
        "which parts of minutes.docx deal with the budget",
        "search my documents for the insurance number",
        "which document mentions the deposit?",
        "find the warranty conditions in my documents",
        "look through all my PDFs for heat pumps",
        "do any of my papers say something about parking",
        "in which of my documents is the tax number",
        "go through every document I have and find passages on pensions",
        "I know I have a paper about coral reefs somewhere, find it",
        "search all documents: notice period",
    ),
)  # fmt: skip
def search_documents(
    query: _Words,
    file: _File = "",
    max_results: Annotated[int, Field(ge=1, le=10), Matching(r"\b([1-9]|10) passages\b")] = 4,
    api: Any = None,
) -> str:
    """Find the passages that speak of something, with page numbers, in one document or in all.

    Args:
        query: the words to look for.
        file: the name of the one document to search; empty for every one there is.
        max_results: how many passages at most.
    """
    if file:
        document = _document("search_documents", file, api)
        query = _without_name(query, file)
        found = best_passages(document.passages, query, max_results)
        if not found:
            return _nothing_found(document, query)
        return f"{_named(document)}: what fits {query!r} best.\n\n{_listed(found)}"
    return _search_all(query, max_results, api)


@tool(
    permission="read",
    uses=(ModelCapability.SUMMARIZATION,),
    timeout_s=_SUMMARY_SECONDS,
    examples=(
        "summarize report.pdf for me",
        "give me a summary of contract.docx",
        "what is the gist of notes/meeting.md?",
        "sum up manual.pdf in five sentences",
        "can you shorten thesis.pdf to the key points",
        "tl;dr of article.txt",
        "what is handbook.pdf about, roughly?",
        "I have no time to read offer.docx, tell me the essentials",
        "main points of minutes.md please",
        "boil proposal.pdf down to 3 sentences",
    ),
)  # fmt: skip
def summarize_document(
    file: _File,
    max_sentences: Annotated[
        int, Field(ge=1, le=12), Matching(r"\b([1-9]|1[0-2]) (?:short )?sentences?\b")
    ] = 5,
    api: Any = None,
) -> str:
    """Summarize a document of any length.

    Args:
        file: its name.
        max_sentences: the most sentences that the summary may have.
    """
    document = _document("summarize_document", file, api)
    summary = summarize(document.text, max_sentences, api)
    size = f"{document.page_count} pages" if document.page_count > 1 else ""
    head = f"Summary of {_named(document)}{size and f' ({size})'}:"
    return " ".join([head, summary, *document.notes])


@tool(
    permission="read",
    uses=(ModelCapability.EXTRACTION,),
    examples=(
        "what does contract.pdf say about the deposit?",
        "according to report.pdf, how high was the revenue",
        "who signed letter.docx?",
        "when does the rent agreement in lease.pdf end",
        "how do I clean the filter according to manual.pdf",
        "how much does the repair cost, see offer.docx",
        "check policy.pdf: am I covered for theft?",
        "using minutes.md, tell me who takes care of the catering",
        "does warranty.pdf say how long the guarantee lasts",
        "answer from study.pdf: how many patients took part",
    ),
)  # fmt: skip
def answer_from_document(file: _File, question: _Words, api: Any = None) -> str:
    """Answer a question from a document, with quotations that are checked word for word.

    Args:
        file: its name.
        question: the full question.
    """
    document = _document("answer_from_document", file, api)
    asked = _without_name(question, file)
    evidence = evidence_for(document, asked)
    answer = answer_from(evidence.passages, question, api)
    if answer.quotes:
        return _quoted_answer(document, answer)
    best = best_passages(evidence.passages, asked, _SHOWN_PASSAGES)
    best = best or list(evidence.passages[:_SHOWN_PASSAGES])
    return f"{_why_no_answer(document, answer, fits=evidence.fits)}\n\n{_listed(best)}"


def _search_all(query: str, max_results: int, api: Any) -> str:
    files: FilesFolder = api.files
    chosen, left_out = _chosen(files, query)
    read: list[str] = []

    def passages() -> Iterator[Passage]:
        until_s = time.monotonic() + _SEARCH_SECONDS
        for entry in chosen:
            if time.monotonic() > until_s:
                left_out.append(f"{entry.name} (no time left; search again to go on)")
                continue
            try:
                document = _SHELF.read(entry.path, entry.name, _watch("search_documents", api))
            except ToolFailedError as error:
                _stop_if_cancelled("search_documents", api)
                left_out.append(f"{entry.name} ({error.problem})")
                continue
            read.append(entry.name)
            api.report(f"{len(read)} of {len(chosen)} documents")
            yield from document.passages

    found = best_passages(passages(), query, max_results)
    what = f"{len(read)} document{'s' * (len(read) != 1)}"
    parts = [
        f"What fits {query!r} best in {what}:" if found
        else f"None of {what} has a word of {query!r}. Try other words for it.",
        *([_listed(found, with_names=True)] if found else []),
        *([f"Not searched: {_some(left_out)}."] if left_out else []),
    ]  # fmt: skip
    return "\n\n".join(parts)


def _quoted_answer(document: Document, answer: Answer) -> str:
    lines = [f"Answer from {_named(document)}: {answer.text}", "", "Checked word for word:"]
    lines += [
        f'- "{quote.text}"{quote.passage.place and f" ({quote.passage.place})"}'
        for quote in answer.quotes
    ]
    if answer.refused:
        lines += [
            "",
            f"{len(answer.refused)} more said to be a quotation was not, and was dropped.",
        ]
    if answer.foreign_numbers:
        numbers = ", ".join(answer.foreign_numbers)
        lines += ["", f"Careful: these passages do not have the number {numbers}."]
    return "\n".join(lines)


def _why_no_answer(document: Document, answer: Answer, *, fits: bool) -> str:
    passages = "the passages that fit best" if fits else "the beginning, as no passage fits"
    if not answer.was_asked:
        problem = "The model for answers could not be used"
    elif not answer.text:
        problem = "The model found no answer in these passages"
    else:
        problem = "The model's answer is left out, as no quotation from the document backs it"
    return f"{problem}. From {_named(document)}, {passages}:"


def _document(name: str, file: str, api: Any) -> Document:
    files: FilesFolder = api.files
    path = files.existing(file)
    try:
        return _SHELF.read(path, files.name_of(path), _watch(name, api))
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


def _listed(passages: Iterable[Passage], *, with_names: bool = False) -> str:
    shown = []
    for passage in passages:
        names = [passage.document] if with_names else []
        place = ", ".join([*names, *filter(None, [passage.place])])
        shown.append(f"[{place}]\n{passage.text}" if place else passage.text)
    return "\n\n".join(shown)


def _nothing_found(document: Document, query: str) -> str:
    known = {
        word
        for passage in document.passages
        for word in re.findall(r"\w+", passage.text.casefold())
    }
    asked = words(query)[:3]
    similar = [match for word in asked for match in get_close_matches(word, known, n=2)]
    hint = f" Similar words in it: {', '.join(dict.fromkeys(similar))}." if similar else ""
    return f"Nothing in {_named(document)} has a word of {query!r}.{hint} Try other words for it."


def _without_name(query: str, file: str) -> str:
    """``query`` without the file's name, which says where to look and not for what."""
    rest = " ".join(query.replace(file, " ").split())
    return rest if words(rest) else query


def _chosen(files: FilesFolder, query: str) -> tuple[list[Entry], list[str]]:
    """The documents to search, and the names of those beyond the limit.

    First come those that are called after what is looked for, then the newest.
    """
    wanted = set(words(query))
    found = [
        entry
        for entry in walk(files, files.path, deep=True)
        if entry.path.suffix.lower() in DOCUMENT_SUFFIXES
    ]
    found.sort(key=lambda entry: (wanted.isdisjoint(words(entry.name)), -entry.modified_s))
    left_out = [f"{entry.name} (only {_MOST_DOCUMENTS} are)" for entry in found[_MOST_DOCUMENTS:]]
    return found[:_MOST_DOCUMENTS], left_out


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
