"""What schemathesis says to a running server: any values, but of models that there are.

Not a test: ``SCHEMATHESIS_HOOKS`` names it. Random names would all be answered with 404, and
random limits would have every answer written, and every picture drawn, to its end.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis

TALKS, EMBEDS = os.environ["SERVED_MODELS"].split()
EMBEDDING = ("embed", "rerank")
DRAWING = ("images", "draw")
SHORT = {"max_tokens": 2, "max_output_tokens": 2, "options": {"num_predict": 2}}
LIMITS = {"/v1/responses": "max_output_tokens", "/api/chat": "options", "/api/generate": "options"}
"""Where it is not ``max_tokens``."""
SMALL = {"size": "64x64", "n": 1, "steps": 1}
ASKS = {"messages", "prompt", "input", "content"}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Name a model that there is, and want a short answer or a small picture."""
    body = case.body
    if not isinstance(body, dict):
        return
    body = dict(body)
    if isinstance(body.get("model"), str) and body["model"]:
        body["model"] = EMBEDS if any(word in case.path for word in EMBEDDING) else TALKS
    if any(word in case.path for word in DRAWING):
        body.pop("model", None)
        body.update({name: value for name, value in SMALL.items() if body.get(name) is not None})
        body.setdefault("steps", SMALL["steps"])
    elif body.keys() & ASKS:
        body.update({name: value for name, value in SHORT.items() if body.get(name) is not None})
        limit = next((name for path, name in LIMITS.items() if path in case.path), "max_tokens")
        if body.get(limit) is None:
            body[limit] = SHORT[limit]
    case.body = body
