"""Looking for models on the Hugging Face hub: who publishes what, and which files of what size.

Owns asking the hub's public interface (``GET /api/models``, and each repository's listing),
through ``HF_ENDPOINT`` and with ``HF_TOKEN`` as fetching does. What a hub says is checked
and bounded: it may be any server that speaks its language.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airunner.errors import DownloadCause, HubError
from airunner.models.files.split import complete_sets
from airunner.weights.hub_session import bounded_body

if TYPE_CHECKING:
    import httpx

MOST_FOUND = 30
TIMEOUT_S = 15.0

_AT_ONCE = 8
_KEPT_LISTINGS = 256
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_FIELDS = ("cardData", "downloads", "gated", "lastModified", "likes", "pipeline_tag", "sha", "tags")


@dataclass(frozen=True, slots=True)
class HubFile:
    """One GGUF model in a repository: a file, or all parts of a split one.

    ``name`` is the first part's; ``n_bytes`` is of all, ``None`` if the hub does not say.
    """

    name: str
    parts: int
    n_bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class HubModel:
    """A repository with GGUF files.

    Attributes:
        repo: ``publisher/name``.
        license: as its card says it, empty if that says nothing.
        gated: whether its publisher wants conditions accepted before a fetch.
        downloads: of the last 30 days, as the hub counts.
        likes: of its users.
        changed: when it changed last, ISO 8601.
        task: what it is for, as the hub names it.
        files: its GGUF models, the smallest first.
        has_projector: whether a file comes along that lets it see or hear.
        problem: why the files are not known, in words.
    """

    repo: str
    license: str
    gated: bool
    downloads: int
    likes: int
    changed: str
    task: str
    commit: str
    files: tuple[HubFile, ...] = ()
    has_projector: bool = False
    problem: str = ""


class HubSearch:
    """Asks one hub. Used from any thread; every method blocks.

    Args:
        offline: never ask.
        endpoint: the hub's address; ``None`` follows ``HF_ENDPOINT``.
    """

    def __init__(self, *, offline: bool = False, endpoint: str | None = None) -> None:
        self._offline, self._endpoint = offline, endpoint
        self._listings: OrderedDict[tuple[str, str], tuple[tuple[HubFile, ...], bool]]
        self._listings = OrderedDict()

    def search(self, words: str, limit: int = 10) -> list[HubModel]:
        """Repositories with GGUF files whose names have ``words``, the most fetched first.

        Raises:
            HubError: offline, or the hub cannot be reached or says no.
        """
        if self._offline:
            problem = "AI Runner is told to stay offline, so it is not asked"
            raise HubError("the hub", problem, "unreachable")
        parameters = {
            "search": words.strip(),
            "filter": "gguf",
            "sort": "downloads",
            "limit": max(1, min(limit, MOST_FOUND)),
            "expand": list(_FIELDS),
        }
        with self._client() as client:
            rows = _ask(client, "/api/models", parameters)
            if not isinstance(rows, list):
                raise HubError(str(client.base_url), "it answers with something else than a list")
            found = [m for row in rows[:MOST_FOUND] if (m := _model(row)) is not None]
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hub") as threads:
                return list(threads.map(lambda model: self._with_files(client, model), found))

    def _client(self) -> httpx.Client:
        import httpx
        from huggingface_hub import HfApi, get_token

        token = get_token()
        return httpx.Client(
            base_url=HfApi(endpoint=self._endpoint).endpoint,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT_S,
            follow_redirects=True,
        )

    def _with_files(self, client: httpx.Client, model: HubModel) -> HubModel:
        key = model.repo, model.commit
        known = self._listings.get(key) if model.commit else None
        if known is None:
            try:
                address = f"/api/models/{quote(model.repo)}/revision/main"
                known = _files(_ask(client, address, {"blobs": True}))
            except HubError as error:
                return replace(model, problem=error.problem)
            self._listings[key] = known
            while len(self._listings) > _KEPT_LISTINGS:
                self._listings.popitem(last=False)
        files, has_projector = known
        return replace(model, files=files, has_projector=has_projector)


def _ask(client: httpx.Client, address: str, parameters: Mapping[str, Any]) -> Any:
    """The hub's answer as JSON.

    Raises:
        HubError: there is none.
    """
    import json

    import httpx

    where = str(client.base_url)
    try:
        plain = {"Accept-Encoding": "identity"}
        with client.stream("GET", address, params=dict(parameters), headers=plain) as response:
            if not response.is_success:
                raise _refusal(where, response.status_code)
            return json.loads(bounded_body(response))
    except httpx.TransportError as error:
        problem = f"it cannot be reached ({type(error).__name__}); check the connection"
        raise HubError(where, problem, "unreachable") from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise HubError(where, f"its answer cannot be read: {error}") from error


def _refusal(where: str, status: int) -> HubError:
    causes: dict[int, DownloadCause] = {401: "denied", 403: "denied", 404: "not_found"}
    words = {
        "denied": "it lets nobody in without permission; set HF_TOKEN",
        "not_found": "it knows no such repository",
    }
    cause = causes.get(status, "unreachable" if status >= 429 else "")
    return HubError(where, words.get(cause, f"it answers with HTTP {status}"), cause)


def _model(row: Any) -> HubModel | None:
    """A repository as the hub lists it; ``None`` for what cannot be one."""
    if not isinstance(row, dict) or not _REPO.fullmatch(str(row.get("id", ""))):
        return None
    return HubModel(
        repo=str(row["id"]),
        license=_license(row),
        gated=bool(row.get("gated")),
        downloads=_count(row.get("downloads")) or 0,
        likes=_count(row.get("likes")) or 0,
        changed=str(row.get("lastModified") or ""),
        task=str(row.get("pipeline_tag") or ""),
        commit=str(row.get("sha") or ""),
    )


def _license(row: Mapping[str, Any]) -> str:
    card = row.get("cardData")
    said = card.get("license_name") or card.get("license") if isinstance(card, dict) else None
    if isinstance(said, list):
        said = ", ".join(map(str, said))
    tags = row.get("tags")
    tags = tags if isinstance(tags, list) else []
    by_tag = (str(t).removeprefix("license:") for t in tags if str(t).startswith("license:"))
    return str(said or next(by_tag, ""))[:100]


def _files(listing: Any) -> tuple[tuple[HubFile, ...], bool]:
    """The GGUF models of a repository's listing, and whether a projector is among its files."""
    rows = listing.get("siblings") if isinstance(listing, dict) else None
    by_name: dict[str, Mapping[str, Any]] = {
        str(row.get("rfilename")): row
        for row in (rows if isinstance(rows, list) else ())
        if isinstance(row, dict) and str(row.get("rfilename", "")).lower().endswith(".gguf")
    }
    models = [name for name in by_name if "mmproj" not in name.lower()]
    files = [_file([by_name[part] for part in parts], parts) for parts in complete_sets(models)]
    ordered = sorted(files, key=lambda file: (file.n_bytes or 0, file.name))
    return tuple(ordered), len(models) < len(by_name)


def _file(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> HubFile:
    sizes = [_count(row.get("size")) for row in rows]
    lfs = rows[0].get("lfs")
    sha256 = lfs.get("sha256") if isinstance(lfs, dict) else None
    whole = None if None in sizes else sum(size or 0 for size in sizes)
    return HubFile(names[0], len(names), whole, str(sha256) if sha256 else None)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 60 else None
