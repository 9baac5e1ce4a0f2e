"""Tools that use the web: search, read a page, summarise it, save a file.

Owns what models see of them. Everything goes through the guard of
``airunner.toolbox.web``, which reaches public addresses only.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError
from airunner.models.spec import ModelCapability
from airunner.toolbox.web.fetcher import Fetcher, cancellation, following
from airunner.toolbox.web.page import read_page
from airunner.toolbox.web.saving import save_file, saved_meant
from airunner.toolbox.web.search import as_list
from airunner.toolbox.web.search_process import ask_services
from airunner.toolbox.web.web_address import address_meant
from airunner.tools.tool import tool

_Url = Annotated[str, Field(max_length=2000)]
_ADDRESS = {"url": address_meant}


@tool(permission="network", needs=("ddgs",))
def search_web(
    query: Annotated[str, Field(min_length=2, max_length=300)],
    max_results: Annotated[int, Field(ge=1, le=10)] = 5,
    api: Any = None,
) -> str:
    """Search the web and list pages with their addresses.

    Args:
        query: the words to search for.
        max_results: the most pages to list.
    """
    return as_list(query, ask_services(query, max_results, cancellation(api)))


@tool(permission="network", needs=("trafilatura",), resolve=_ADDRESS)
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
    return read_page(_fetcher("read_web_page", api), url, cancellation(api)).part(part)


@tool(
    permission="network",
    uses=(ModelCapability.SUMMARIZATION,),
    needs=("trafilatura",),
    resolve=_ADDRESS,
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
    name = "summarize_web_page"
    return read_page(_fetcher(name, api), url, cancellation(api)).summary(name, max_sentences, api)


@tool(
    permission="network",
    timeout_s=1800.0,
    resolve={"url": address_meant, "path": saved_meant},
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
    fetcher = _fetcher("download_file", api)
    return save_file(fetcher, url, path, api.files, cancellation(api), api.report)


def _fetcher(tool: str, api: Any) -> Fetcher:
    return Fetcher(tool, may_follow=following(api))
