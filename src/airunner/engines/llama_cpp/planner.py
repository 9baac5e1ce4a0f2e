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
from airunner.engines.base import AUTO_CONTEXT, AUTO_SLOTS, LoadPlan, Plan
from airunner.engines.descriptor import Variant
from airunner.engines.llama_cpp.batches import LARGEST, batch_on_cpu
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
AUTO_CONTEXTS = (AUTO_CONTEXT, 16_384, 32_768, 65_536, 131_072)
"""What a conversation model's context is chosen from, and what the model was made for.

The first always, a longer one where all of the load then takes no more than ``AUTO_SHARE`` of
the device: the models that are used beside it keep their place. Others get the first.
"""
AUTO_SHARE = 2 / 3
SLOTS_SHARE = 0.05
"""How much more memory a load with several slots may take than with one: recurrent state."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """What the user wants of every load: context per conversation, slots, KV type.

    ``context`` and ``parallel`` are chosen from the memory where they are ``None``.
    ``chat_template`` is for models that hold conversations, in place of their own.
    """

    context: int | None
    parallel: int | None
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
        on_gpu = device.is_accelerator
        embedding = spec.capabilities == [ModelCapability.EMBEDDING]
        projector = None if embedding else _projector(spec, file.path)
        talks = PRIMARY in spec.capabilities
        template = (options.chat_template if talks else None) or spec.chat_template
        # An input is embedded, and a picture read, in one piece.
        whole = on_gpu or embedding or projector is not None
        batch = LARGEST if whole else batch_on_cpu(file)
        plan = LoadPlan(
            model=spec.model_path,
            path=file.path,
            n_batch=batch,
            n_ubatch=batch,
            n_parallel=options.parallel or 1,
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
        if options.context is None:
            wanted = self._wanted(spec, left_bytes, setup)
        else:
            wanted = min(options.context, spec.longest_context)
        n_ctx = largest_context(file, left_bytes, cap=wanted, **setup)
        n_ctx = max(n_ctx or 0, min(wanted, SMALLEST_CONTEXT))
        yarn_context = spec.max_context if n_ctx > spec.max_context else None
        plan = replace(plan, n_ctx=n_ctx, yarn_context=yarn_context)
        if options.parallel is None:
            plan = self._shared(plan, setup, left_bytes)
            setup = _setup(plan, on_gpu=on_gpu, guided=guided)
        return plan, _with_projector(estimate_memory(file, n_ctx=n_ctx, **setup), projector)

    def _wanted(self, spec: ModelSpec, budget_bytes: int, setup: LoadChoices) -> int:
        """The context to load with where the user names none; see ``AUTO_CONTEXTS``."""
        longest = spec.max_context
        least = min(AUTO_CONTEXTS[0], longest)
        if PRIMARY not in spec.capabilities:
            return least
        cap = min(longest, AUTO_CONTEXTS[-1])
        room = largest_context(self._file, int(budget_bytes * AUTO_SHARE), cap=cap, **setup) or 0
        return max(n for n in (least, *AUTO_CONTEXTS, cap) if n <= max(room, least))

    def _shared(self, plan: LoadPlan, setup: LoadChoices, budget_bytes: int) -> LoadPlan:
        """``plan`` with as many slots in its one context as cost next to nothing.

        A sliding window keeps one slot: in a shared cache it loses the last answer.
        """
        if plan.embedding or self._file.sliding_window is not None:
            return plan
        n_bytes = estimate_memory(self._file, n_ctx=plan.n_ctx, **setup).total_bytes
        most_bytes = min(budget_bytes, n_bytes + int(n_bytes * SLOTS_SHARE))
        for n_parallel in range(AUTO_SLOTS, 1, -1):
            more: LoadChoices = {**setup, "n_parallel": n_parallel, "kv_unified": True}
            estimate = estimate_memory(self._file, n_ctx=plan.n_ctx, **more)
            if estimate.total_bytes <= most_bytes:
                return replace(plan, n_parallel=n_parallel, kv_unified=True)
        return plan

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
        "kv_unified": plan.kv_unified,
        # An input is embedded in one piece, so that batch is the physical one too.
        "n_ubatch": plan.n_batch if plan.embedding else plan.n_ubatch,
        "kv_type_k": plan.kv_type_k,
        "kv_type_v": plan.kv_type_v,
        "on_gpu": on_gpu,
        "guided": guided,
    }
