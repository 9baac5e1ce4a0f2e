"""Everything about one model: its entry in the registry, its file, and its memory in bytes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.cli.console import columns, out
from airunner.config.byte_size import format_bytes
from airunner.engines.base import LoadPlan
from airunner.models.assign import declared_bytes
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.weights.local import stored_bytes

if TYPE_CHECKING:
    from airunner.resources.sizing import Sized
    from airunner.runtime import Runtime

_NOT_FIELDS = {"memory", "sources", "sampling", "wanted_for"}


def describe_model(runtime: Runtime, spec: ModelSpec) -> dict[str, Any]:
    """The sheet as JSON-ready values.

    Raises:
        WeightsError: the weights are here and unusable.
    """
    path = runtime.store.path(spec)
    sized = runtime.call(runtime.team.size(spec)) if path else None
    return {
        **asdict(spec),
        "projector": _projector(sized),
        "media": sorted(sized.media) if sized else [],
        "dialect": spec.dialect,
        "sources": [
            {"source": type(s).__name__, **asdict(s)} for s in runtime.catalog.sources_of(spec)
        ],
        "declared_memory_bytes": declared_bytes(spec),
        "wanted_for": [c for c, name in runtime.catalog.mapping.items() if name == spec.model_path],
        "path": path,
        "file_bytes": stored_bytes(path) if path else None,
        "memory": _memory(runtime, spec) if path else [],
    }


def _projector(sized: Sized | None) -> Path | None:
    """The file that lets the model see or hear, if there is one."""
    plans = sized.plans.values() if sized else ()
    return next((p.mmproj for p in plans if isinstance(p, LoadPlan) and p.mmproj), None)


def _memory(runtime: Runtime, spec: ModelSpec) -> list[dict[str, Any]]:
    """Predicted bytes per device, as it would be loaded and in other ways."""
    return [
        {
            "device": device,
            "loaded_as": variant.label,
            **variant.facts,
            "chosen": variant.chosen,
            **asdict(variant.estimate),
            "total_bytes": variant.estimate.total_bytes,
            "budget_bytes": budget_bytes,
            "fits": variant.estimate.total_bytes <= budget_bytes,
        }
        for device, budget_bytes, variant in runtime.variants(spec)
    ]


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
    numbers = ("Loaded as", "Weights", "KV", "Compute", "Other", "Total", "Budget")
    table = columns("On", *numbers, "", right=numbers)
    for row in sheet["memory"]:
        sizes = ("weights", "kv", "compute", "overhead", "total", "budget")
        table.add_row(
            row["device"],
            f"{row['loaded_as']}{'*' if row['chosen'] else ' '}",
            *(format_bytes(row[f"{size}_bytes"]) for size in sizes),
            "" if row["fits"] else "too big",
        )
    console.print(table)


def _shown(name: str, value: object) -> str:
    if name.endswith("_bytes") and isinstance(value, int):
        return f"{format_bytes(value)} ({value:,} bytes)"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)
