"""Where other programs on this machine keep their models, by their own variables and defaults.

Owns the folders alone; what lies in them is ``airunner.weights.found``. Sources: Ollama's
``envconfig`` and install script; LM Studio's ``findLMStudioHome`` (lmstudio-js) and its
``settings.json``; llama.cpp's ``fs_get_cache_directory``; huggingface_hub's ``constants``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from airunner.config.json_file import read_json
from airunner.config.text_file import read_text

_OLLAMA_SERVICES = ("/usr/share/ollama/.ollama/models", "/var/lib/ollama/models")
"""Where Ollama keeps models that runs as a service of its own user."""


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """Folders that exist, best first, for each layout that they have.

    ``ollama`` has manifests and blobs, ``lm_studio`` files in ``publisher/repository``,
    ``llama_cpp`` files named ``publisher_repository_file``, ``hub`` the hub client's cache.
    """

    ollama: tuple[Path, ...] = ()
    lm_studio: tuple[Path, ...] = ()
    llama_cpp: tuple[Path, ...] = ()
    hub: tuple[Path, ...] = ()


def model_folders(environ: Mapping[str, str] | None = None) -> ModelFolders:
    """The folders of this user; ``environ`` is by default this process's environment."""
    told = os.environ if environ is None else environ
    home = Path(told.get("HOME") or os.path.expanduser("~"))
    cache = Path(told.get("XDG_CACHE_HOME") or home / ".cache")
    apple = home / "Library/Caches/llama.cpp"
    llama_cache = apple if sys.platform == "darwin" else cache / "llama.cpp"
    llama_cache = Path(told.get("LLAMA_CACHE") or llama_cache)
    hub_home = Path(told.get("HF_HOME") or cache / "huggingface")
    return ModelFolders(
        ollama=_existing(told.get("OLLAMA_MODELS"), home / ".ollama/models", *_OLLAMA_SERVICES),
        lm_studio=_existing(*_of_lm_studio(home)),
        llama_cpp=_existing(llama_cache),
        hub=_existing(
            told.get("HF_HUB_CACHE") or told.get("HUGGINGFACE_HUB_CACHE") or hub_home / "hub",
            llama_cache,  # newer versions of llama.cpp have the hub's layout there
        ),
    )


def may_have_hub_token(environ: Mapping[str, str] | None = None) -> bool:
    """Whether anything is here that the hub's client would make a token of.

    The client itself says for sure, and takes a tenth of a second to be imported.
    """
    told = os.environ if environ is None else environ
    if any(map(told.get, ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_OIDC_RESOURCE"))):
        return True
    home = Path(told.get("HOME") or os.path.expanduser("~"))
    cache = Path(told.get("XDG_CACHE_HOME") or home / ".cache")
    hub_home = Path(told.get("HF_HOME") or cache / "huggingface")
    return Path(told.get("HF_TOKEN_PATH") or hub_home / "token").exists()


def _of_lm_studio(home: Path) -> Iterator[Path]:
    homes = [home / ".lmstudio", home / ".cache/lm-studio"]
    with suppress(OSError, ValueError):
        homes.insert(0, Path(read_text(home / ".lmstudio-home-pointer").strip()))
    for folder in homes:
        with suppress(OSError, ValueError, LookupError, TypeError):
            settings = read_json(folder / "settings.json")
            yield Path(settings["downloadsFolder"])
        yield folder / "models"


def _existing(*folders: str | Path | None) -> tuple[Path, ...]:
    found: dict[Path, None] = {}
    for folder in folders:
        if folder:
            try:
                path = Path(folder).expanduser()
                if path.is_dir():
                    found[path.resolve()] = None
            except (OSError, RuntimeError):
                continue  # another user's, which may not be looked into, or nobody's
    return tuple(found)
