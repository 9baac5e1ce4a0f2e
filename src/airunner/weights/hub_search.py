"""Looking for models on the Hugging Face hub: who publishes what, and which files of what size.

Owns the search (``GET /api/models``) and what is kept of it. What a hub says is checked: it
may be any server that speaks its language.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airunner.errors import HubError
from airunner.models.files.split import complete_sets
from airunner.weights.hub_api import REPO, ask, hub_client
from airunner.weights.hub_listing import Repository, repository_at

if TYPE_CHECKING:
    import httpx

MOST_FOUND = 30

_AT_ONCE = 8
_KEPT_LISTINGS = 256
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
        with hub_client(self._endpoint) as client:
            rows = ask(client, "/api/models", parameters)
            if not isinstance(rows, list):
                raise HubError(str(client.base_url), "it answers with something else than a list")
            found = [m for row in rows[:MOST_FOUND] if (m := _model(row)) is not None]
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hub") as threads:
                return list(threads.map(lambda model: self._with_files(client, model), found))

    def _with_files(self, client: httpx.Client, model: HubModel) -> HubModel:
        key = model.repo, model.commit
        known = self._listings.get(key) if model.commit else None
        if known is None:
            try:
                known = _files(repository_at(client, model.repo))
            except HubError as error:
                return replace(model, problem=error.problem)
            self._listings[key] = known
            while len(self._listings) > _KEPT_LISTINGS:
                self._listings.popitem(last=False)
        files, has_projector = known
        return replace(model, files=files, has_projector=has_projector)


def _model(row: Any) -> HubModel | None:
    """A repository as the hub lists it; ``None`` for what cannot be one."""
    if not isinstance(row, dict) or not REPO.fullmatch(str(row.get("id", ""))):
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


def _files(known: Repository) -> tuple[tuple[HubFile, ...], bool]:
    """The GGUF models of a repository, and whether a projector is among its files."""
    hashes = {f.name: f.sha256 for f in known.files if f.name.lower().endswith(".gguf")}
    models = [name for name in hashes if "mmproj" not in name.lower()]
    files = [
        HubFile(parts[0], len(parts), known.n_bytes(parts), hashes[parts[0]])
        for parts in complete_sets(models)
    ]
    ordered = sorted(files, key=lambda file: (file.n_bytes or 0, file.name))
    return tuple(ordered), len(models) < len(hashes)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 1 << 60 else None
