"""What a child process of diffusers is told to load; how it crosses is ``workers.wire``'s."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.engines.image import ImagePlan


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """What a child is to load of an image model, and the key it is to ask for."""

    plan: ImagePlan
    api_key: str


def decode_image_order(line: bytes) -> ImageOrder:
    """The image order in a line written by ``encode``."""
    data: dict[str, Any] = json.loads(line)
    plan = data["plan"]
    plan["path"] = Path(plan["path"])
    return ImageOrder(ImagePlan(**plan), data["api_key"])
