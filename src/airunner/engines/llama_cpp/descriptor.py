"""What AI Runner asks of llama.cpp; see ``engines.descriptor``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.devices.backend import Backend
from airunner.engines.descriptor import EngineDescriptor, Installation, Planner
from airunner.engines.silence import SilenceLimits
from airunner.models.engine_traits import EngineTraits, WeightsForm
from airunner.models.spec import HubSource, ModelCapability, ModelSpec, Source

if TYPE_CHECKING:
    from airunner.config.settings import Settings
    from airunner.engines.llama_cpp.launcher import LocalLauncher

_HUB_PATTERNS = {"4bit": "*Q4_K_M*.gguf", "8bit": "*Q8_0*.gguf", "16bit": "*F16*.gguf"}


def _usual_sources(spec: ModelSpec) -> Sequence[Source]:
    """The publisher's GGUF repository by the usual name, then the repository itself,
    in the quantization that the spec states.
    """
    pattern = _HUB_PATTERNS.get(spec.quantization.lower(), f"*{spec.quantization}*.gguf")
    return (
        HubSource(f"{spec.model_path.removesuffix('-GGUF')}-GGUF", pattern),
        *([] if spec.model_path.endswith("-GGUF") else [HubSource(spec.model_path, pattern)]),
    )


def _check(path: Path) -> None:
    from airunner.models.files.gguf import read_gguf

    read_gguf(path)


class LlamaCpp(EngineDescriptor):
    """Language models from GGUF files, by the bundled library or a user's own llama-server."""

    traits = EngineTraits(
        name="llama_cpp",
        capabilities=frozenset(ModelCapability) - {ModelCapability.IMAGE_GENERATION},
        weights=WeightsForm(file_pattern="*.gguf"),
        usual_sources=_usual_sources,
        check=_check,
    )
    library = "llama.cpp"
    work = "language models"

    def planner(self, settings: Settings) -> Planner:
        """See ``EngineDescriptor``."""
        from airunner.config.text_file import read_text
        from airunner.engines.llama_cpp.planner import LoadOptions, PlannableGguf
        from airunner.models.files.gguf import read_gguf

        file = settings.chat_template
        template = None if file is None else read_text(file)
        context = None if settings.context == "auto" else settings.context
        parallel = None if settings.parallel == "auto" else settings.parallel
        options = LoadOptions(context, parallel, settings.kv_type, template)
        return lambda path: PlannableGguf(read_gguf(path), options)

    def launcher(self, settings: Settings, run_dir: Path) -> LocalLauncher:
        """See ``EngineDescriptor``."""
        from airunner.engines.llama_cpp.launcher import LocalLauncher

        return LocalLauncher(run_dir, settings.llama_server, limits=SilenceLimits.of(settings))

    def backend(self, settings: Settings) -> Backend:
        """See ``EngineDescriptor``."""
        from airunner.engines.llama_cpp.installation import engine_backends, engine_gpus

        gpus = engine_gpus(settings.llama_server)
        return Backend(
            engine_backends(settings.llama_server),
            talks=True,
            work=self.work,
            library=self.library,
            remedy=(
                "`airunner engine` installs such a build, --llama-server names your own "
                "llama-server."
            ),
            memory=tuple((g.total_bytes, g.free_bytes) for g in gpus if g.total_bytes),
        )

    def examine(self, settings: Settings) -> Installation:
        """See ``EngineDescriptor``."""
        from airunner.engines.llama_cpp.fitting import fitting_problem
        from airunner.engines.llama_cpp.installation import engine_backends, examine

        found = examine(settings.llama_server)
        if found.problems:
            return found
        problem = fitting_problem(settings, bool(engine_backends(settings.llama_server)))
        return replace(found, problems=(problem,) if problem else ())

    def fit(self, settings: Settings, tell: Callable[[str], None]) -> bool:
        """See ``EngineDescriptor``."""
        from airunner.engines.llama_cpp.fitting import fit_engine
        from airunner.engines.llama_cpp.installation import ask_again

        changed = fit_engine(settings, tell)
        ask_again()
        return changed
