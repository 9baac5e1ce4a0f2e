"""What an image model and its worker say to each other: one JSON body in, JSON lines out.

A drawing is answered with one line per step and one last line: the pictures,
or the error. The pictures lie beside their targets then, as *parts*, and stay
there only while the connection is open: whoever asked renames those it wants
before closing. So a drawing that is cancelled, however late, leaves no file.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from airunner.engines.image import Drawn, ImageRequest, ImageStep, Lora, Picture
from airunner.errors import (
    AiRunnerError,
    BlackImageError,
    GenerationError,
    ImageRequestError,
    StorageError,
)

DRAW_PATH = "/draw"
_PART_SUFFIX = ".part"


def part_of(target: Path) -> Path:
    """Where a picture is until the drawing is over: beside its target."""
    return target.with_name(target.name + _PART_SUFFIX)


def read_request(data: Mapping[str, Any]) -> ImageRequest:
    """The request in the JSON object of its fields."""
    fields = dict(data)
    fields["targets"] = tuple(Path(target) for target in fields["targets"])
    fields["loras"] = tuple(Lora(Path(lora["path"]), lora["scale"]) for lora in fields["loras"])
    for name in ("init_image", "mask"):
        fields[name] = Path(fields[name]) if fields[name] is not None else None
    return ImageRequest(**fields)


def encode_item(item: ImageStep | Drawn | AiRunnerError) -> bytes:
    """One line of an answer."""
    return json.dumps(_item_json(item), default=str).encode() + b"\n"


def decode_item(model: str, line: str) -> ImageStep | Drawn:
    """The item in a line written by ``encode_item``.

    Raises:
        ImageRequestError, BlackImageError, StorageError, GenerationError: the line says so.
    """
    data: dict[str, Any] = json.loads(line)
    match data["kind"]:
        case "step":
            preview = data["preview"]
            return ImageStep(
                data["step"], data["steps"], base64.b64decode(preview) if preview else None
            )
        case "drawn":
            pictures = tuple(
                Picture(**{**picture, "path": Path(picture["path"])})
                for picture in data["pictures"]
            )
            return Drawn(pictures, data["seconds"])
        case "request":
            raise ImageRequestError(model, data["problem"])
        case "black":
            raise BlackImageError(model, data["dtype"])
        case "storage":
            raise StorageError(data["path"], data["problem"])
    raise GenerationError(model, data["problem"])


def _item_json(item: ImageStep | Drawn | AiRunnerError) -> dict[str, Any]:
    match item:
        case ImageStep():
            preview = base64.b64encode(item.preview_png).decode() if item.preview_png else None
            return {"kind": "step", "step": item.step, "steps": item.steps, "preview": preview}
        case Drawn():
            return {"kind": "drawn", **asdict(item)}
        case ImageRequestError():
            return {"kind": "request", "problem": item.problem}
        case BlackImageError():
            return {"kind": "black", "dtype": item.dtype}
        case StorageError():
            return {"kind": "storage", "path": item.path, "problem": item.problem}
    return {"kind": "generation", "problem": getattr(item, "problem", str(item))}
