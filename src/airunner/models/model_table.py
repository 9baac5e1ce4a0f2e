"""A model as the configuration file has it: one table of ``[models]`` and the spec it means.

Owns the keys of such a table, which are the fields of ``ModelSpec`` beside the places that
weights come from, and what may be wrong with their values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airunner.models.engine_traits import EngineTraits
from airunner.models.spec import (
    MOST_CONTEXT,
    FileSource,
    HubFolderSource,
    HubSource,
    ImageDefaults,
    ModelCapability,
    ModelSpec,
    Sampling,
    Source,
    UrlSource,
)

PLACES = ("file", "folder", "repo", "url")
"""Keys that say where weights come from, of which a table has one at most."""

_STRICT = ConfigDict(extra="forbid", strict=True)
_Capability = Annotated[ModelCapability, Field(strict=False)]


@dataclass(frozen=True, slots=True)
class TableProblem:
    """What is wrong with a model's table; ``keys`` lead from the table to the value."""

    keys: tuple[str | int, ...]
    value: object
    problem: str


class _Projector(BaseModel):
    model_config = _STRICT

    repo: str
    pattern: str = "*mmproj*.gguf"
    revision: str = "main"


class _Sampling(BaseModel):
    model_config = _STRICT

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None


class _Image(BaseModel):
    model_config = _STRICT

    width: int = 512
    height: int = 512
    steps: int = 25
    guidance: float = 7.0
    scheduler: str | None = None
    plain_words: bool = False
    transformer: bool = False


class _ModelTable(BaseModel):
    """The keys; see ``ModelSpec`` for those that are its fields."""

    model_config = _STRICT

    capabilities: Annotated[list[_Capability], Field(min_length=1)]
    file: str | None = None
    folder: str | None = None
    repo: str | None = None
    pattern: str | None = None
    revision: str = "main"
    url: str | None = None
    sha256: Annotated[str | None, Field(pattern=r"^[0-9a-fA-F]{64}$")] = None
    engine: str | None = None
    max_context: Annotated[int, Field(ge=1, le=MOST_CONTEXT)] = 4096
    yarn_context: Annotated[int | None, Field(ge=1, le=MOST_CONTEXT)] = None
    supports_function_calling: bool = False
    supports_vision: bool = False
    supports_thinking: bool = False
    quantization: str = "4bit"
    gpu_memory_gb: Annotated[float | None, Field(gt=0)] = None
    priority: int = 50
    chat_dialect: Literal["native", "guided"] | None = None
    chat_template: str | None = None
    sampling: _Sampling = Field(default_factory=_Sampling)
    projector: str | _Projector | None = None
    parameters_b: Annotated[float | None, Field(gt=0)] = None
    license: str = "unknown"
    gated: bool = False
    image: _Image | None = None


def spec_of_table(
    name: str, table: object, folder: Path, engines: Mapping[str, EngineTraits]
) -> ModelSpec | list[TableProblem]:
    """The model that a table means, or everything that is wrong with the table.

    Args:
        name: the model's name, which is the table's.
        table: what the file has for it.
        folder: where relative paths begin: the folder of the file.
        engines: those that there are, by name.
    """
    try:
        read = _ModelTable.model_validate(table)
    except ValidationError as error:
        return [TableProblem(_keys(e["loc"]), e["input"], _words(e, table)) for e in error.errors()]
    named = [key for key in PLACES if getattr(read, key) is not None]
    if len(named) > 1:
        problem = f"{named[0]} says already where the weights are; keep one"
        return [TableProblem((named[1],), getattr(read, named[1]), problem)]
    for key in ("pattern", "revision"):
        if key in read.model_fields_set and read.repo is None:
            return [TableProblem((key,), getattr(read, key), "goes with repo")]
    path = read.file or read.folder or ""
    engine = read.engine or _engine_for(path, read, engines)
    spec = ModelSpec(
        name,
        list(read.capabilities),
        **{key: getattr(read, key) for key in _SAME},
        engine=engine,
        sampling=Sampling(**read.sampling.model_dump()),
        projector=_projector(read.projector, folder),
        image=_image(read.image, engines.get(engine)),
    )
    return replace(spec, sources=tuple(_sources(read, spec, folder, engines.get(engine))))


_OTHERWISE = {"capabilities", "engine", "sampling", "projector", "image"}
_SAME = (_ModelTable.model_fields.keys() & ModelSpec.__dataclass_fields__.keys()) - _OTHERWISE
"""Keys whose value is that of the spec's field of the same name."""


def _sources(
    read: _ModelTable, spec: ModelSpec, folder: Path, engine: EngineTraits | None
) -> Iterator[Source]:
    if place := read.file or read.folder:
        yield FileSource(str(_absolute(place, folder)), read.sha256)
    elif read.url is not None:
        yield UrlSource(read.url, read.sha256)
    elif read.repo is not None and read.pattern is not None:
        yield HubSource(read.repo, read.pattern, read.revision, read.sha256)
    elif read.repo is not None and engine is not None:
        for source in engine.usual_sources(replace(spec, model_path=read.repo)):
            if isinstance(source, HubSource | HubFolderSource):
                yield replace(source, revision=read.revision)


def _engine_for(path: str, read: _ModelTable, engines: Mapping[str, EngineTraits]) -> str:
    """The engine of a table that names none: what its capabilities and weights ask for."""
    wanted = set(read.capabilities)
    is_folder = read.folder is not None
    for engine in engines.values():
        form = engine.weights
        takes = form is not None and (form.takes_folders or not is_folder)
        if takes and wanted <= engine.capabilities:
            return engine.name
    return ModelSpec("", []).engine


def _image(image: _Image | None, engine: EngineTraits | None) -> ImageDefaults | None:
    if image is not None:
        return ImageDefaults(**image.model_dump())
    return ImageDefaults() if engine is not None and engine.draws else None


def _projector(projector: str | _Projector | None, folder: Path) -> HubSource | FileSource | None:
    if isinstance(projector, str):
        return FileSource(str(_absolute(projector, folder)))
    if projector is None:
        return None
    return HubSource(projector.repo, projector.pattern, projector.revision)


def _absolute(text: str, folder: Path) -> Path:
    return folder / Path(text).expanduser()


def _keys(location: tuple[int | str, ...]) -> tuple[str | int, ...]:
    """Without the names by which pydantic tells the forms of a value apart."""
    return tuple(key for key in location if key not in ("str", _Projector.__name__))


def _words(error: Mapping[str, Any], table: object) -> str:
    match error["type"]:
        case "extra_forbidden":
            inner: dict[str, type[BaseModel]]
            inner = {"sampling": _Sampling, "projector": _Projector, "image": _Image}
            known = inner.get(error["loc"][0], _ModelTable).model_fields
            return f"no such key; there is {', '.join(known)}"
        case "missing":
            return "is missing"
        case "enum" if "capabilities" in error["loc"]:
            return f"no such capability; there is {', '.join(c.value for c in ModelCapability)}"
        case "model_type" | "dict_type" if not isinstance(table, Mapping):
            return "must be a table"
    message = str(error["msg"])
    return message[:1].lower() + message[1:]
