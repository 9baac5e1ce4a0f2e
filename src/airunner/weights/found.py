"""GGUF files that other programs have on this machine, to be used where they lie.

Owns how Ollama, LM Studio, llama.cpp and the hub's client lay out their folders. Reads
names and Ollama's manifests, never a weights file, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.config.json_file import read_json
from airunner.config.other_programs import ModelFolders, model_folders
from airunner.config.text_file import read_text
from airunner.models.files.split import complete_sets, matches
from airunner.models.spec import HubSource
from airunner.weights.file_name import is_fit_path

_OLLAMA_LAYER = "application/vnd.ollama.image."
_MOST_FILES = 10_000
"""As many entries are looked at in one folder; beyond, it is no folder of models."""


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A model that is on this machine already.

    Attributes:
        name: what its program calls it: ``qwen3:8b``, ``publisher/repository/file.gguf``.
        program: whose it is, as people know it.
        path: the file; of a split model the first part.
        n_bytes: of all its parts.
        repo: the hub's repository it came from, if that is known.
        projector: the file that lets it see, where its program names one.
    """

    name: str
    program: str
    path: Path
    n_bytes: int
    repo: str | None = None
    projector: Path | None = None


class FoundModels:
    """What is found in ``folders``; looked for anew at each call."""

    def __init__(self, folders: Callable[[], ModelFolders] = model_folders) -> None:
        self._folders = folders

    def all(self) -> list[FoundModel]:
        """Every model, each file once, in the order of programs and names."""
        folders = self._folders()
        by_file: dict[Path, FoundModel] = {}
        for found in (
            *_each(folders.ollama, _of_ollama),
            *_each(folders.lm_studio, _of_lm_studio),
            *_each(folders.llama_cpp, _of_llama_cpp),
            *_each(folders.hub, _of_hub),
        ):
            by_file.setdefault(found.path.resolve(), found)
        return list(by_file.values())

    def named(self, name: str) -> list[FoundModel]:
        """Those that go by a name, or whose file's name or its stem it is, in any case."""
        wanted = name.lower().removesuffix(":latest")
        return [
            found
            for found in self.all()
            if wanted in (found.name.lower(), found.path.name.lower(), found.path.stem.lower())
        ]

    def of_source(self, source: HubSource) -> Path | None:
        """The file that a source means, of a program that has fetched it from the hub.

        One with a promised hash is not taken: it would have to be read in full first.
        """
        if source.sha256 is not None or source.revision != "main":
            return None
        folders, repo = self._folders(), source.repo
        owner, _, name = repo.partition("/")
        places: list[tuple[Path, str]] = [
            (folder, "") for root in folders.hub for folder in _snapshots(root, repo)
        ]
        places += [(root / owner / name, "") for root in folders.lm_studio]
        places += [(root, f"{owner}_{name}_") for root in folders.llama_cpp]
        for folder, prefix in places:
            wanted = [
                names
                for names in _sets(folder, prefix)
                if matches(names[0].removeprefix(prefix), source.pattern)
            ]
            if len(wanted) == 1:
                return folder / wanted[0][0]
        return None


def _each(
    roots: Iterable[Path], look: Callable[[Path], Iterator[FoundModel]]
) -> Iterator[FoundModel]:
    for root in roots:
        try:
            yield from sorted(look(root), key=lambda found: found.name.lower())
        except OSError:
            continue  # taken away meanwhile, or not ours to read


def _of_ollama(root: Path) -> Iterator[FoundModel]:
    """``manifests/<host>/<namespace>/<model>/<tag>`` name ``blobs/sha256-<hex>``.

    A blob has no suffix. ``:latest``, ``library/`` and the registry are left out of names, as
    Ollama does.
    """
    for manifests in sorted(root.glob("manifests*")):
        for manifest in manifests.glob("*/*/*/*"):
            host, namespace, model, tag = manifest.relative_to(manifests).parts
            layers = _layers(manifest)
            blob = _blob(root, layers, "model")
            if blob is None:
                continue
            owner = "" if namespace == "library" else f"{namespace}/"
            is_hub = host.startswith(("hf.co", "huggingface."))
            yield FoundModel(
                f"{owner}{model}" + ("" if tag == "latest" else f":{tag}"),
                "Ollama",
                blob,
                blob.stat().st_size,
                f"{namespace}/{model}" if is_hub else None,
                _blob(root, layers, "projector"),
            )


def _layers(manifest: Path) -> dict[str, str]:
    """The digest of each kind of layer; nothing of what is no manifest."""
    try:
        read: Any = read_json(manifest)
        return {
            layer["mediaType"].removeprefix(_OLLAMA_LAYER): layer["digest"]
            for layer in read["layers"]
            if layer["mediaType"].startswith(_OLLAMA_LAYER)
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _blob(root: Path, layers: dict[str, str], kind: str) -> Path | None:
    digest = str(layers.get(kind, "")).replace(":", "-")
    if not is_fit_path(digest) or "/" in digest:
        return None
    blob = root / "blobs" / digest
    return blob if blob.is_file() else None


def _of_lm_studio(root: Path) -> Iterator[FoundModel]:
    """``<publisher>/<repository>/<file>.gguf``."""
    for folder in root.glob("*/*"):
        repo = f"{folder.parent.name}/{folder.name}"
        for names in _sets(folder):
            yield _found(f"{repo}/{names[0]}", "LM Studio", folder, names, repo)


def _of_llama_cpp(root: Path) -> Iterator[FoundModel]:
    """``<publisher>_<repository>_<file>.gguf``; both may have underscores of their own."""
    for names in _sets(root):
        yield _found(names[0], "llama.cpp", root, names, None)


def _of_hub(root: Path) -> Iterator[FoundModel]:
    """``models--<publisher>--<repository>/snapshots/<commit>/``, of the commit of ``main``."""
    for kept in root.glob("models--*--*"):
        repo = kept.name.removeprefix("models--").replace("--", "/", 1)
        for folder in _snapshots(root, repo):
            for names in _sets(folder):
                yield _found(f"{repo}/{names[0]}", "Hugging Face cache", folder, names, repo)


def _snapshots(root: Path, repo: str) -> list[Path]:
    """The folder of the commit that ``main`` was, and folders below it; no other commit's."""
    kept = root / f"models--{repo.replace('/', '--')}"
    try:
        commit = read_text(kept / "refs" / "main").strip()
        snapshot = kept / "snapshots" / commit
        if not commit or not snapshot.is_dir():
            return []
        return [snapshot, *(child for child in sorted(snapshot.iterdir()) if child.is_dir())]
    except (OSError, ValueError):
        return []


def _found(
    name: str, program: str, folder: Path, names: tuple[str, ...], repo: str | None
) -> FoundModel:
    n_bytes = sum((folder / part).stat().st_size for part in names)
    return FoundModel(name, program, folder / names[0], n_bytes, repo)


def _sets(folder: Path, prefix: str = "") -> list[tuple[str, ...]]:
    """Whole models in a folder, by their files' names; projectors are none."""
    try:
        entries = [p for _, p in zip(range(_MOST_FILES), folder.iterdir(), strict=False)]
        # A link whose file is gone, or one that is still on its way, is no model.
        names = [
            p.name
            for p in entries
            if p.name.startswith(prefix) and p.suffix.lower() == ".gguf" and p.is_file()
        ]
    except OSError:
        return []
    return complete_sets(name for name in names if "mmproj" not in name.lower())
