"""Tools that use the web: search, read a page, summarise it, save a file.

Owns what models see of them. Everything goes through the guard of
``airunner.toolbox.web``, which reaches public addresses only.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError
from airunner.models.spec import ModelCapability
from airunner.toolbox.web.fetcher import Fetcher, cancellation
from airunner.toolbox.web.page import read_page
from airunner.toolbox.web.page_summary import summarize_page
from airunner.toolbox.web.saving import save_file
from airunner.toolbox.web.search import WebSearch, as_list
from airunner.tools.tool import tool

_Url = Annotated[str, Field(max_length=2000)]
_WORDS_OF_CODE = ("script", "function", "snippet")


@tool(
    permission="network",
    examples=(
        "search the internet for tutorials on knitting",
        "can you look up online when the shop closes?",
        "google the best pizza in town",
        "search the web for tide tables in Brest",
        "look up the opening hours of the Louvre online",
        "google the latest release of Debian",
        "find websites about sourdough bread",
        "what is the latest news about the election?",
        "do a web search for a cheap bicycle shop",
        "see what the internet says about headaches",
        "can you find me some pages on beekeeping online?",
        "any news today on the train strike",
        'search online for "best hiking boots" and give me 5 results',
    ),
)
def search_web(
    query: Annotated[str, Field(min_length=2, max_length=300)],
    max_results: Annotated[int, Field(ge=1, le=10)] = 5,
) -> str:
    """Search the web and list pages with their addresses.

    Args:
        query: the words to search for.
        max_results: the most pages to list.
    """
    return as_list(query, WebSearch("search_web").find(query, max_results))


@tool(
    permission="network",
    examples=(
        "please read https://example.com/news.html",
        "what does the page https://example.org say?",
        "open this link and tell me what it is about: https://example.com/a",
        "show me part 2 of https://example.com/story",
        "go to http://example.net/faq and show me the text",
        "visit https://example.org/about please",
        "what's on this site: https://example.com",
        "can you get me the text of the article at https://example.com/post?",
        "open the web page https://example.net/prices",
        "have a look at https://example.org/paper.pdf and read it to me",
    ),
)
def read_web_page(
    url: _Url,
    part: Annotated[int, Field(ge=1, le=10_000)] = 1,
    api: Any = None,
) -> str:
    """Read the main text of a web page, or of a PDF on the web, in parts if it is long.

    Args:
        url: the address, beginning with https:// or http://.
        part: which part of a long page to read, from 1.
    """
    return read_page(Fetcher("read_web_page"), url, cancellation(api)).part(part)


@tool(
    permission="network",
    uses=(ModelCapability.SUMMARIZATION,),
    examples=(
        "summarise this page: https://example.org/a.html",
        "summarize https://example.com/news.html for me",
        "what are the main points of https://example.com/report?",
        "tl;dr of https://example.org/blog/post",
        "give me a summary of this web page: https://example.net/article",
        "sum up the page at https://example.com/study in 3 sentences",
        "what's the gist of https://example.org/essay",
        "in brief, what is this link about: https://example.net/item",
        "can you condense the article on https://example.com/long for me?",
        "key points of https://example.org/paper.pdf",
        "shorten the website text at http://example.net/info to a few sentences",
    ),
)
def summarize_web_page(
    url: _Url,
    max_sentences: Annotated[int, Field(ge=1, le=12)] = 5,
    api: Any = None,
) -> str:
    """Summarize a web page, or a PDF on the web, in a few sentences.

    Args:
        url: the address, beginning with https:// or http://.
        max_sentences: the most sentences that the summary may have.
    """
    return summarize_page(Fetcher("summarize_web_page"), url, max_sentences, api)


@tool(
    permission="network",
    timeout_s=1800.0,
    examples=(
        "download https://example.com/report.pdf please",
        "save https://example.com/prices.csv as data/prices.csv",
        "download this file for me: https://example.org/map.zip",
        "fetch https://example.net/photo.jpg into my files",
        "get me the file at https://example.com/song.mp3 and store it",
        "can you pull down http://example.org/form.docx?",
        "keep a copy of https://example.net/manual.pdf on my computer",
        "please put the file behind this link in my folder: https://example.com/a.txt",
        "I'd like to have https://example.org/data.json on disk",
        "download the pdf from https://example.com/guide.pdf and call it guide.pdf",
    ),
)
def download_file(
    url: _Url,
    path: Annotated[str, Field(max_length=200)] = "",
    api: Any = None,
) -> str:
    """Download a file from the web into the files folder; nothing is overwritten.

    Args:
        url: the address, beginning with https:// or http://.
        path: the name to save it under; left out, the name that it has on the web.
    """
    if api is None:
        raise ToolFailedError("download_file", "there is no folder to save files in")
    fetcher = Fetcher("download_file")
    return save_file(fetcher, url, path, api.files, cancellation(api), api.report)
