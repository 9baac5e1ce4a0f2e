"""``airunner models add|found`` and ``airunner assign``: changing which models there are.

Owns the commands; a server of the home folder is told, and does it, where one runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from airunner.cli.capability import Capability, complete, read_capability
from airunner.cli.flags import AsJson
from airunner.cli.streams import complain, tell
from airunner.config.settings import Settings
from airunner.errors import AiRunnerError
from airunner.errors.pasted import pasted
from airunner.models.spec import ModelCapability

if TYPE_CHECKING:
    from airunner.runtime.attached import AttachedRuntime
    from airunner.runtime.attached_catalogue import AttachedCatalogue
    from airunner.runtime.model_catalogue import ModelCatalogue
    from airunner.runtime.survey import Survey


@contextmanager
def changing(settings: Settings) -> Iterator[AttachedCatalogue | ModelCatalogue]:
    """Who changes the catalogue: the server of the home folder, else this process."""
    from airunner.cli.fetching import open_store
    from airunner.runtime.attaching import attach
    from airunner.runtime.model_catalogue import ModelCatalogue

    attached = attach(settings)
    if attached is not None:
        with attached:
            yield attached.catalogue
    else:
        yield ModelCatalogue(settings, open_store(settings))


def add_model(
    settings: Settings,
    model: Annotated[
        str | None,
        typer.Argument(metavar="FILE|FOLDER|NAME", help="what to add; see above"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="what to call it")
    ] = None,
    capability: Annotated[
        list[ModelCapability] | None,
        typer.Option(
            "--for",
            parser=read_capability,
            metavar="CAPABILITY",
            help="what it may be chosen for; repeatable",
            autocompletion=complete,
        ),
    ] = None,
    found: Annotated[
        bool, typer.Option("--found", help="all that `airunner models found` lists")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Register a model of your own.

    A GGUF file, a folder of them, a folder with an image pipeline, a model that
    `airunner models found` lists, or publisher/name[:pattern] of the hub, such
    as unsloth/Qwen3-4B-GGUF:Q8_0. Files are used where they lie. It is kept in
    the configuration file, and a running server knows it at once.
    """
    from airunner.cli.console import print_json
    from airunner.cli.team import surveyed
    from airunner.config.byte_size import format_bytes

    if (model is None) is not found:
        raise typer.BadParameter("name one model, or give --found", param_hint="NAME")
    if found and (name or capability):
        raise typer.BadParameter("it goes with one model", param_hint="--name, --for")
    with changing(settings) as catalogue:
        if model is None:
            added = catalogue.add_found()
        else:
            added = catalogue.add(model, name, capability or [])
        refused = [each for each in added if each["problem"]]
        added = [each for each in added if not each["problem"]]
        with surveyed(settings) as known:
            serves = {each["name"]: _served_by(known, each) for each in added}
    if as_json:
        print_json({"added": added, "refused": refused, "file": settings.file})
        return
    for each in added:
        tell(f"{each['name']}: {each['origin']} ({format_bytes(each['n_bytes'])})")
        if each["table"].get("gated"):
            tell("  gated: its terms have to be accepted on its page first")
        if not each["is_here"]:
            tell(f"  `{pasted('airunner', 'models', 'pull', each['name'])}` fetches it")
        if serves[each["name"]]:
            tell(f"  it serves {_in_words(serves[each['name']])} now")
    for each in refused:
        complain(f"{each['name']} is not added: {each['problem']}")
    if not added:
        tell("Nothing new was found.")
    elif len(added) == 1:
        primary = ModelCapability.PRIMARY_CONVERSATION.value
        wanted = added[0]["table"]["capabilities"]
        called = added[0]["name"]
        others = [c for c in wanted if c not in serves[called]]
        if others:
            command = pasted("airunner", "assign", others[0], called)
            tell(f"  `{command}` lets it serve {_in_words(others[:1])}")
        if primary in wanted:
            tell(f"  `{pasted('airunner', 'chat', '--primary', called)}` talks with it")


def _in_words(capabilities: list[str]) -> str:
    return ", ".join(capabilities).replace("_", " ")


def _served_by(known: Survey | AttachedRuntime, added: dict[str, Any]) -> list[str]:
    """The capabilities that a model serves from now on without being assigned to them."""
    found = []
    for name in added["table"]["capabilities"] if added["is_here"] else ():
        with suppress(AiRunnerError):  # nothing serves it
            if known.resolve(ModelCapability(name)).spec.model_path == added["name"]:
                found.append(name)
    return found


def found_models(settings: Settings, as_json: AsJson = False) -> None:
    """List GGUF files that other programs have here.

    Of Ollama, LM Studio, llama.cpp and the Hugging Face cache. A registered
    model uses its file from there by itself; `airunner models add NAME`
    registers any other.
    """
    from airunner.cli.console import out, print_json
    from airunner.cli.fetching import open_store
    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes
    from airunner.runtime.model_catalogue import ModelCatalogue

    found = ModelCatalogue(settings, open_store(settings)).found()
    if as_json:
        print_json({"found": found})
        return
    if not found:
        tell("No model of Ollama, LM Studio, llama.cpp or the Hugging Face cache is here.")
        return
    table = columns("Model", "Of", "Size", "", right=("Size",))
    for each in found:
        registered = f"registered as {each['added']}" if each["added"] else ""
        table.add_row(each["name"], each["program"], format_bytes(each["n_bytes"]), registered)
    out().print(table)
    tell("\n`airunner models add NAME` registers one, `airunner models add --found` all.")


def assign(
    settings: Settings,
    capability: Capability,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="a registered model")] = None,
    default: Annotated[
        bool, typer.Option("--default", help="what the registry has for it again")
    ] = False,
) -> None:
    """Let MODEL serve CAPABILITY from now on.

    It is kept in the configuration file, plans keep to it, and a running server
    does it at once. --primary MODEL does the same for one command.
    """
    from airunner.cli.fetching import open_store
    from airunner.runtime.file_models import forget_wrong_assignment
    from airunner.weights.local import gone_path, gone_words

    if (model is None) is not default:
        raise typer.BadParameter("name a model, or give --default", param_hint="MODEL")
    forget_wrong_assignment(settings, capability)
    with changing(settings) as catalogue:
        catalogue.assign({capability: model})
    store = open_store(settings)
    wanted = store.catalog.for_capability(capability)
    tell(f"{capability.value}: {wanted.model_path}")
    if (gone := gone_path(wanted)) is not None:
        tell(f"  {gone_words(gone)}{_stands_in(settings, capability, wanted.model_path)}")
    elif not store.is_here(wanted):
        command = pasted("airunner", "models", "pull", wanted.model_path)
        meanwhile = _stands_in(settings, capability, wanted.model_path)
        tell(f"  not here yet: `{command}` fetches it{meanwhile}")
    if capability is ModelCapability.PRIMARY_CONVERSATION and settings.primary:
        tell(f"  --primary {settings.primary} (from {settings.origins['primary']}) goes first")


def _stands_in(settings: Settings, capability: ModelCapability, wanted: str) -> str:
    """Who serves while the model that is wanted cannot, in words."""
    from airunner.cli.team import surveyed

    with suppress(AiRunnerError), surveyed(settings) as known:
        serving = known.resolve(capability).spec.model_path
        return f"; until then {serving} serves" if serving != wanted else ""
    return "; until then nothing serves it"
