"""Everything about one model: its entry in the registry, its file, and its memory in bytes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.cli.console import columns, out
from airunner.config.byte_size import format_bytes
from airunner.engines.base import LoadPlan
from airunner.models.assign import declared_bytes
from airunner.models.catalog import sources_of
from airunner.models.files.gguf import read_gguf
from airunner.models.memory.language import estimate_memory
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.weights.local import stored_bytes

if TYPE_CHECKING:
    from airunner.runtime import Runtime

SHOWN_CONTEXTS = (2048, 8192, 32_768, 131_072)
_NOT_FIELDS = {"memory", "sources", "sampling", "wanted_for"}


def describe_model(runtime: Runtime, spec: ModelSpec) -> dict[str, Any]:
    """The sheet as JSON-ready values.

    Raises:
        WeightsError: the weights are here and unusable.
    """
    path = runtime.store.path(spec)
    return {
        **asdict(spec),
        "dialect": spec.dialect,
        "sources": [{"source": type(s).__name__, **asdict(s)} for s in sources_of(spec)],
        "declared_memory_bytes": declared_bytes(spec),
        "wanted_for": [c for c, name in runtime.catalog.mapping.items() if name == spec.model_path],
        "path": path,
        "file_bytes": stored_bytes(path) if path else None,
        "memory": _memory(runtime, spec, path) if path else [],
    }


def _memory(runtime: Runtime, spec: ModelSpec, path: Path) -> list[dict[str, Any]]:
    if spec.engine == "diffusers":
        return _image_memory(runtime, spec)
    return _context_memory(runtime, spec, path) if spec.engine == "llama_cpp" else []


def _image_memory(runtime: Runtime, spec: ModelSpec) -> list[dict[str, Any]]:
    """Predicted bytes per device, at the model's own picture size."""
    sized = runtime.call(runtime.team.size(spec))
    rows: list[dict[str, Any]] = []
    for device, plan in sized.plans.items():
        if isinstance(plan, LoadPlan):
            continue
        estimate = sized.estimates[device]
        budget_bytes = runtime.manager.budgets[device]
        rows.append(
            {
                "device": device,
                "pixels": plan.max_pixels,
                "dtype": plan.dtype,
                "weights": plan.weights,
                "offload": plan.offload,
                "chosen": True,
                **asdict(estimate),
                "total_bytes": estimate.total_bytes,
                "budget_bytes": budget_bytes,
                "fits": estimate.total_bytes <= budget_bytes,
            }
        )
    return rows


def _context_memory(runtime: Runtime, spec: ModelSpec, path: Path) -> list[dict[str, Any]]:
    """Predicted bytes per device, at the context it would be loaded with and at some others."""
    file = read_gguf(path)
    sized = runtime.call(runtime.team.size(spec))
    longest = min(spec.yarn_context or spec.max_context, file.context_length)
    rows: list[dict[str, Any]] = []
    for device in runtime.hardware.devices:
        plan = sized.plans.get(device.id)
        if not isinstance(plan, LoadPlan):
            continue
        budget_bytes = runtime.manager.budgets[device.id]
        for n_ctx in sorted({plan.n_ctx, *(n for n in SHOWN_CONTEXTS if n <= longest)}):
            estimate = estimate_memory(
                file,
                n_ctx=n_ctx,
                n_parallel=plan.n_parallel,
                n_ubatch=plan.n_ubatch,
                kv_type_k=plan.kv_type_k,
                kv_type_v=plan.kv_type_v,
                on_gpu=device.is_accelerator,
            )
            rows.append(
                {
                    "device": device.id,
                    "n_ctx": n_ctx,
                    "chosen": n_ctx == plan.n_ctx,
                    **asdict(estimate),
                    "total_bytes": estimate.total_bytes,
                    "budget_bytes": budget_bytes,
                    "fits": estimate.total_bytes <= budget_bytes,
                }
            )
    return rows


def print_sheet(sheet: dict[str, Any]) -> None:
    """The sheet for people."""
    console = out()
    table = columns("", "")
    for name, value in sheet.items():
        if name not in _NOT_FIELDS:
            table.add_row(name, _shown(name, value))
    wanted_for: list[ModelCapability] = sheet["wanted_for"]
    table.add_row("wanted_for", _shown("", wanted_for))
    sampling = {name: v for name, v in sheet["sampling"].items() if v is not None}
    table.add_row("sampling", ", ".join(f"{n}={v}" for n, v in sampling.items()) or "-")
    for source in sheet["sources"]:
        details = ", ".join(f"{n}={v}" for n, v in source.items() if n != "source" and v)
        table.add_row("source", f"{source['source']}: {details}")
    console.print(table)
    if not sheet["memory"]:
        advice = f"`airunner models pull {sheet['model_path']}` fetches the weights"
        console.print(f"\n{advice}; their memory is then computed from the file.")
        return
    console.print("\nMemory when loaded (* as it would be now)", style="bold")
    first = "Loaded as" if sheet["engine"] == "diffusers" else "Context"
    numbers = (first, "Weights", "KV", "Compute", "Other", "Total", "Budget")
    table = columns("On", *numbers, "", right=numbers)
    for row in sheet["memory"]:
        table.add_row(
            row["device"],
            f"{_loaded_as(row)}{'*' if row['chosen'] else ' '}",
            format_bytes(row["weights_bytes"]),
            format_bytes(row["kv_bytes"]),
            format_bytes(row["compute_bytes"]),
            format_bytes(row["overhead_bytes"]),
            format_bytes(row["total_bytes"]),
            format_bytes(row["budget_bytes"]),
            "" if row["fits"] else "too big",
        )
    console.print(table)


def _loaded_as(row: dict[str, Any]) -> str:
    """What distinguishes this row: the context, or how an image model would be loaded."""
    if "n_ctx" in row:
        return f"{row['n_ctx']:,}"
    offload = "" if row["offload"] == "none" else f", {row['offload']} offload"
    weights = "" if row["weights"] == "as_stored" else f", {row['weights']}"
    return f"{row['dtype']}{weights}{offload}"


def _shown(name: str, value: object) -> str:
    if name.endswith("_bytes") and isinstance(value, int):
        return f"{format_bytes(value)} ({value:,} bytes)"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
