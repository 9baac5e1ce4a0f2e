"""What to register for a file, a folder, another program's model or a hub's repository.

Owns what a user's words mean, and the tables proposed for them; writing those into the
configuration file is ``airunner.runtime.file_models``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from airunner.errors import (
    FETCH_AGAIN_ADVICE,
    CorruptWeightsError,
    DownloadError,
    ModelNotAddedError,
    WeightsError,
)
from airunner.errors.pasted import pasted
from airunner.models.catalog import Catalog
from airunner.models.description import (
    EMBEDDING_TASKS,
    describe_gguf,
    described,
    license_entry,
    needed_gb,
)
from airunner.models.engine_traits import EngineTraits
from airunner.models.files.split import complete_sets, is_part, pattern_of_parts
from airunner.models.spec import FileSource, HubFolderSource, ModelCapability, ModelSpec
from airunner.weights.found import FoundModel, FoundModels
from airunner.weights.hub_listing import Repository, look_up
from airunner.weights.local import stored_bytes

_REPOSITORY = re.compile(r"(?P<repo>[\w.-]+/[\w.-]+?)(?::(?P<pattern>.+))?", re.ASCII)
_DEFAULT = "*Q4_K_M*.gguf"
_SHOWN = 12
IMAGES = ModelCapability.IMAGE_GENERATION


@dataclass(frozen=True, slots=True)
class Proposal:
    """A model to register.

    ``table`` is its table in the configuration file, ``origin`` whose file it is and where,
    ``n_bytes`` of its weights if known, ``is_here`` whether they are on this machine. One of
    a folder that cannot be registered has a ``problem`` instead, and its file's name.
    """

    name: str
    table: dict[str, Any]
    origin: str
    n_bytes: int | None
    is_here: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Adding:
    """Proposes what to register.

    Attributes:
        catalog: what is registered, whose names are taken.
        found: other programs' models.
        offline: whether the hub may not be asked.
        hub_endpoint: address of a Hugging Face mirror; ``None`` follows ``HF_ENDPOINT``.
    """

    catalog: Catalog
    found: FoundModels = field(default_factory=FoundModels)
    offline: bool = False
    hub_endpoint: str | None = None

    def propose(
        self, given: str, name: str | None = None, capabilities: Sequence[ModelCapability] = ()
    ) -> list[Proposal]:
        """What ``given`` means; several models only for a folder of them. May ask the hub.

        Those of a folder that cannot be registered are among them, if any other can.

        Args:
            given: a file, a folder, a model's name in another program, or
                ``publisher/name[:pattern]`` on the hub.
            name: the name to register, instead of the weights' own.
            capabilities: what the model may be chosen for, instead of what it seems to be for.

        Raises:
            ModelNotAddedError: it means nothing, or too much, or its name is taken.
            WeightsError: a file is damaged, or the hub has no such repository.
        """
        given = given.strip()
        path = Path(given).expanduser() if given else Path("\0")
        try:
            exists = path.exists()
        except (OSError, ValueError):
            exists = False
        if exists:
            try:
                proposals = self._of_own(given, path.absolute())
            except OSError as error:  # not this user's to read, or changed meanwhile
                problem = f"it cannot be read ({error.strerror})"
                raise ModelNotAddedError(given, problem) from error
        elif others := self.found.named(given):
            proposals = [self._of_found(given, others)]
        else:
            proposals = [self._of_hub(given)]
        if name is not None:
            if len(proposals) > 1:
                raise ModelNotAddedError(given, "it has several models; name one of its files")
            proposals = [_renamed(proposals[0], name)]
        for proposal in proposals:
            if capabilities:
                proposal.table["capabilities"] = [c.value for c in capabilities]
        return _those_that_can(
            (p.name, partial(self._checked, p, name is not None)) for p in proposals
        )

    def proposals_of_found(self) -> list[Proposal]:
        """Every model of another program that could be registered under its own name."""
        proposals = []
        for found in self.found.all():
            try:
                proposals.append(self._of_found(found.name, [found]))
            except WeightsError:
                continue  # damaged, or no language model
        return [p for p in proposals if p.name not in self.catalog.registry]

    @property
    def _registered(self) -> Sequence[ModelSpec]:
        return list(self.catalog.registry.values())

    def _checked(self, proposal: Proposal, is_named: bool) -> Proposal:
        """The proposal, if it can be registered; the same weights again only ``is_named``."""
        name = proposal.name
        if proposal.problem:
            return proposal
        added = self._added_as(proposal)
        if added and (not is_named or name in added):
            problem = f"this {'file' if 'file' in proposal.table else 'folder'} is added already"
            raise ModelNotAddedError(name, f"{problem}, as {added[0]}")
        if name in self.catalog.registry:
            command = pasted("airunner", "models", "show", name)
            advice = f"`{command}` shows it; choose another name with --name"
            raise ModelNotAddedError(name, f"a model of that name is registered; {advice}")
        if not name.strip() or not name.isprintable():
            raise ModelNotAddedError(repr(name), "that is no name")
        return proposal

    def _added_as(self, proposal: Proposal) -> list[str]:
        """The names under which the same file or folder of the user's is registered."""
        path = proposal.table.get("file") or proposal.table.get("folder")
        return [
            spec.model_path
            for spec in self._registered
            if any(isinstance(s, FileSource) and s.path == path for s in spec.sources)
        ]

    # On this machine.

    def _of_own(self, given: str, path: Path) -> list[Proposal]:
        """Like ``_of_path``; a file that somebody made or chose is not told to be deleted."""
        try:
            return self._of_path(given, path)
        except CorruptWeightsError as error:
            if error.advice != FETCH_AGAIN_ADVICE:
                raise
            advice = "Nothing was added, and the file stays as it is; name a whole model file."
            raise CorruptWeightsError(error.path, error.problem, advice=advice) from error

    def _of_path(self, given: str, path: Path) -> list[Proposal]:
        engines = self.catalog.engines
        if path.is_dir():
            return self._of_folder(given, path)
        if path.suffix.lower() == ".safetensors":
            if (engine := next(filter(lambda e: e.draws, engines.values()), None)) is not None:
                engine.check(path)
            return [_image(path.stem, "file", str(path), "your file", path.stat().st_size)]
        if is_part(path.name) and not any(path.name == n[0] for n in _sets_in(path.parent)):
            problem = "it is a part of a split model; name the first part, with all others beside"
            raise ModelNotAddedError(given, problem)
        parts = next((n for n in _sets_in(path.parent) if n[0] == path.name), (path.name,))
        return [_of_file(path, parts, self._registered)]

    def _of_folder(self, given: str, folder: Path) -> list[Proposal]:
        for engine in self.catalog.engines.values():
            if engine.weights is not None and engine.weights.is_folder(folder):
                engine.check(folder)
                n_bytes = stored_bytes(folder)
                return [_image(folder.name, "folder", str(folder), "your folder", n_bytes)]
        sets = [n for n in _sets_in(folder) if "mmproj" not in n[0].lower()]
        if not sets:
            problem = "it has neither GGUF files nor an image pipeline (model_index.json)"
            raise ModelNotAddedError(given, problem)
        known = self._registered
        files = ((names[0], partial(_of_file, folder / names[0], names, known)) for names in sets)
        return _those_that_can(files)

    def _of_found(self, given: str, others: Sequence[FoundModel]) -> Proposal:
        if len({found.path.resolve() for found in others}) > 1:
            names = ", ".join(f"{found.name} ({found.program})" for found in others)
            raise ModelNotAddedError(given, f"it may be any of {names}")
        found = others[0]
        table = describe_gguf(found.path, found.name, self._registered)
        table = {"file": str(found.path), **table}
        if found.projector is not None:
            table |= {"projector": str(found.projector), "supports_vision": True}
        where = f"{found.program}'s {found.path}"
        return Proposal(_short(found.name), table, where, found.n_bytes, True)

    # On the hub.

    def _of_hub(self, given: str) -> Proposal:
        words = _REPOSITORY.fullmatch(given)
        is_file_name = given.lower().endswith((".gguf", ".safetensors")) and ":" not in given
        if words is None or is_file_name:
            problem = (
                "it is no file or folder here, no model of another program that "
                "`airunner models found` lists, and no publisher/name[:pattern]"
            )
            raise ModelNotAddedError(given, problem)
        repo, pattern = words["repo"], words["pattern"]
        if self.offline:
            raise ModelNotAddedError(given, "that would ask the hub, which --offline forbids")
        known = look_up(repo, endpoint=self.hub_endpoint)
        if not known.models() and pattern is None and (image := self._pipeline(known)):
            return image
        names = _choose(known, pattern)
        n_bytes = known.n_bytes(names)
        table = described(
            names[0],
            embeds=known.task in EMBEDDING_TASKS,
            context_length=known.context_length,
            chat_template=known.chat_template,
            parameters=known.parameters,
            license=known.license,
            n_bytes=n_bytes,
            called=[known.name.rpartition("/")[2]],
            registered=self._registered,
        )
        table = {"repo": repo, "pattern": pattern_of_parts(names[0]), **table}
        eyes = sorted(known.models("*mmproj*.gguf"))
        if eyes and "embedding" not in table["capabilities"]:
            f16 = next((e for e in eyes if "-f16" in e[0].lower()), eyes[0])
            table["projector"] = {"repo": repo, "pattern": pattern_of_parts(f16[0])}
            table["supports_vision"] = True
        if known.gated:
            table["gated"] = True
        return Proposal(repo, table, f"{repo} on the hub: {names[0]}", n_bytes, False)

    def _pipeline(self, known: Repository) -> Proposal | None:
        """The repository as one folder, if an engine loads such."""
        listed = {file.name for file in known.files}
        for engine in self.catalog.engines.values():
            if engine.weights is None or engine.weights.index not in listed:
                continue
            names = _files_of_folder(engine, known)
            n_bytes = known.n_bytes(names)
            where = f"{known.name} on the hub: {len(names)} files"
            proposal = _image(known.name, "repo", known.name, where, n_bytes, is_here=False)
            extra: dict[str, Any] = {**license_entry(known.license)}
            extra |= {"gpu_memory_gb": needed_gb(n_bytes)} if n_bytes else {}
            extra |= {"gated": True} if known.gated else {}
            proposal.table.update(extra)
            return proposal
        return None


def _those_that_can(tried: Iterable[tuple[str, Callable[[], Proposal]]]) -> list[Proposal]:
    """What each of them is, by name, or why it is nothing.

    Raises:
        WeightsError, ModelNotAddedError: the first, where it is so of all.
    """
    found: list[Proposal] = []
    errors: list[WeightsError | ModelNotAddedError] = []
    for name, make in tried:
        try:
            found.append(make())
        except (WeightsError, ModelNotAddedError) as error:
            errors.append(error)
            problem = getattr(error, "problem", str(error))
            found.append(Proposal(name, {}, "", None, False, problem))
    if errors and all(each.problem for each in found):
        raise errors[0]
    return found


def _choose(known: Repository, pattern: str | None) -> tuple[str, ...]:
    """The one model that is meant: by the pattern, or the usual quantization."""
    everything = known.models()
    if pattern is None:
        sets = everything if len(everything) == 1 else known.models(_DEFAULT)
    elif any(sign in pattern for sign in "*?[") or pattern.lower().endswith(".gguf"):
        sets = known.models(pattern)
    else:
        exact = known.models(f"*[-._]{pattern}.gguf")
        sets = exact if len(exact) == 1 else known.models(f"*{pattern}*.gguf")
    if len(sets) == 1:
        return sets[0]
    listed = ", ".join(names[0] for names in (sets or everything)[:_SHOWN]) or "no GGUF file"
    problem = "which one is meant" if sets else f"nothing in it is {pattern or _DEFAULT}"
    advice = f"there is {listed}; name one as {known.name}:PATTERN"
    raise DownloadError(known.name, "the hub", f"{problem}: {advice}")


def _files_of_folder(engine: EngineTraits, known: Repository) -> list[str]:
    sources = engine.usual_sources(ModelSpec(known.name, []))
    patterns = [p for s in sources if isinstance(s, HubFolderSource) for p in s.patterns]
    return known.matching(patterns)


def _of_file(path: Path, names: tuple[str, ...], registered: Sequence[ModelSpec]) -> Proposal:
    table = {"file": str(path), **describe_gguf(path, path.name, registered)}
    n_bytes = sum(stored_bytes(path.parent / name) for name in names)
    return Proposal(_short(path.name), table, f"your file {path}", n_bytes, True)


def _image(
    name: str, place: str, value: str, origin: str, n_bytes: int | None, *, is_here: bool = True
) -> Proposal:
    table = {place: value, "capabilities": [IMAGES.value], "quantization": "16bit"}
    return Proposal(name, table, origin, n_bytes, is_here)


def _renamed(proposal: Proposal, name: str) -> Proposal:
    return Proposal(name, proposal.table, proposal.origin, proposal.n_bytes, proposal.is_here)


def _short(name: str) -> str:
    """A file's name without suffix and part, or another program's name as it is."""
    last = name.rpartition("/")[2]
    if not last.lower().endswith(".gguf"):
        return name
    return re.sub(r"-\d{5}-of-\d{5}$", "", last[: -len(".gguf")])


def _sets_in(folder: Path) -> list[tuple[str, ...]]:
    return complete_sets(p.name for p in folder.iterdir() if p.suffix.lower() == ".gguf")
