"""How a language model is loaded on a device: which context, and what that takes.

Owns the choice of the context: what the user asked for, lowered to what the model was
made for and to what the device's budget can hold at all; and whether the model can see,
which a projector beside the weights decides. The arithmetic is ``models.memory.language``'s.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from airunner.config.settings import KvType
from airunner.devices.device import Device
from airunner.engines.base import LoadPlan, Plan
from airunner.engines.descriptor import Variant
from airunner.errors import WeightsError
from airunner.models.files.gguf import GgufFile
from airunner.models.files.projector import Projector, find_projector, read_projector
from airunner.models.memory.language import (
    LoadChoices,
    MemoryEstimate,
    estimate_memory,
    kv_bytes_per_token,
    largest_context,
    maps_weights,
)
from airunner.models.spec import FileSource, ModelCapability, ModelSpec

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SMALLEST_CONTEXT = 1024
"""Below this many tokens a conversation with a tool call has no room; such a load is refused."""
SHOWN_CONTEXTS = (2048, 8192, 32_768, 131_072)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user wants of every load: context per conversation, slots, KV type.

    ``chat_template`` is for models that hold conversations, in place of their own.
    """

    context: int
    parallel: int
    kv_type: KvType
    chat_template: str | None = None


class PlannableGguf:
    """One GGUF; implements ``engines.descriptor.Plannable``."""

    def __init__(self, file: GgufFile, options: LoadOptions) -> None:
        self._file, self._options = file, options

    @property
    def files(self) -> tuple[Path, ...]:
        """The parts of a split file, or the one there is."""
        return self._file.parts

    @property
    def kv_bytes_per_token(self) -> int:
        """Bytes of KV cache that a token takes."""
        kv_type = self._options.kv_type
        return kv_bytes_per_token(self._file, kv_type_k=kv_type, kv_type_v=kv_type)

    @property
    def rolls_back(self) -> bool:
        """See ``GgufFile``."""
        return self._file.rolls_back

    def plan(
        self, spec: ModelSpec, device: Device, budget_bytes: int
    ) -> tuple[LoadPlan, MemoryEstimate]:
        """The longest context that is wanted, that the model was made for and that fits."""
        file, options = self._file, self._options
        wanted = min(options.context, spec.longest_context)
        on_gpu = device.is_accelerator
        embedding = spec.capabilities == [ModelCapability.EMBEDDING]
        projector = None if embedding else _projector(spec, file.path)
        talks = PRIMARY in spec.capabilities
        template = (options.chat_template if talks else None) or spec.chat_template
        plan = LoadPlan(
            model=spec.model_path,
            path=file.path,
            n_parallel=options.parallel,
            kv_type_k=options.kv_type,
            kv_type_v=options.kv_type,
            device=device.id,
            gpu_index=device.gpu_index if on_gpu else None,
            embedding=embedding,
            chat_template=template,
            most_ctx=spec.longest_context,
            mapped=on_gpu or maps_weights(file),
            mmproj=projector.path if projector else None,
            media=tuple(sorted(projector.takes)) if projector else (),
        )
        guided = spec.tool_calling == "guided" and PRIMARY in spec.capabilities
        setup = _setup(plan, on_gpu=on_gpu, guided=guided)
        left_bytes = budget_bytes - _projector_bytes(projector)
        n_ctx = largest_context(file, left_bytes, cap=wanted, **setup)
        n_ctx = max(n_ctx or 0, min(wanted, SMALLEST_CONTEXT))
        yarn_context = spec.max_context if n_ctx > spec.max_context else None
        plan = replace(plan, n_ctx=n_ctx, yarn_context=yarn_context)
        return plan, _with_projector(estimate_memory(file, n_ctx=n_ctx, **setup), projector)

    def variants(
        self, spec: ModelSpec, device: Device, plan: Plan, estimate: MemoryEstimate
    ) -> Sequence[Variant]:
        """The context that was chosen, and some others that the model was made for."""
        if not isinstance(plan, LoadPlan):
            return ()
        longest = min(spec.longest_context, self._file.context_length)
        setup = _setup(plan, on_gpu=device.is_accelerator)
        contexts = sorted({plan.n_ctx, *(n for n in SHOWN_CONTEXTS if n <= longest)})
        projector = read_projector(plan.mmproj) if plan.mmproj else None
        return [
            Variant(
                f"{n_ctx:,} tokens",
                {"n_ctx": n_ctx},
                _with_projector(estimate_memory(self._file, n_ctx=n_ctx, **setup), projector),
                chosen=n_ctx == plan.n_ctx,
            )
            for n_ctx in contexts
        ]


def _projector(spec: ModelSpec, weights: Path) -> Projector | None:
    """What lets the model see, if there is anything; a damaged file beside it is passed over.

    Raises:
        WeightsError: the file that ``spec`` names is missing or damaged.
    """
    if isinstance(spec.projector, FileSource):
        return read_projector(Path(spec.projector.path).expanduser())
    found = find_projector(weights)
    if found is None:
        return None
    try:
        return read_projector(found)
    except WeightsError as error:
        _log.warning("%s is loaded without its projector: %s", spec.model_path, error)
        return None


def _projector_bytes(projector: Projector | None) -> int:
    return projector.weights_bytes + projector.compute_bytes if projector else 0


def _with_projector(estimate: MemoryEstimate, projector: Projector | None) -> MemoryEstimate:
    if projector is None:
        return estimate
    return replace(
        estimate,
        weights_bytes=estimate.weights_bytes + projector.weights_bytes,
        compute_bytes=estimate.compute_bytes + projector.compute_bytes,
        exact=False,
    )


def _setup(plan: LoadPlan, *, on_gpu: bool, guided: bool = False) -> LoadChoices:
    """What an estimate has to know of a plan besides its context."""
    return {
        "n_parallel": plan.n_parallel,
        # An input is embedded in one piece, so that batch is the physical one too.
        "n_ubatch": plan.n_batch if plan.embedding else plan.n_ubatch,
        "kv_type_k": plan.kv_type_k,
        "kv_type_v": plan.kv_type_v,
        "on_gpu": on_gpu,
        "guided": guided,
    }
