"""Where measured figures are kept: one JSON file per benchmark in ``benchmarks/results``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def write_results(name: str, payload: Mapping[str, Any]) -> Path:
    """Store ``payload`` with today's date (UTC) as ``results/<name>.json``, replacing the last."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{name}.json"
    content = {"measured_on": datetime.now(UTC).date().isoformat(), **payload}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"stored {file.relative_to(RESULTS.parent.parent)}")
    return file


def read_results(name: str) -> dict[str, Any] | None:
    """What was stored last, or ``None`` if nothing was."""
    file = RESULTS / f"{name}.json"
    if not file.exists():
        return None
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content
