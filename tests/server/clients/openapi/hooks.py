"""What schemathesis says to a running server: any values, but of models that there are.

Not a test: ``SCHEMATHESIS_HOOKS`` names it. Random names would all be answered with 404, and
random limits would have every answer written to its end.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis

MODELS = os.environ["SERVED_MODELS"].split()
SHORT = {"max_tokens": 2, "max_output_tokens": 2, "options": {"num_predict": 2}}
ASKS = {"messages", "prompt", "input", "content"}


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """``body`` with a model that there is, and for a short answer, where that is its subject."""
    if not isinstance(body, dict):
        return body
    if isinstance(body.get("model"), str) and body["model"]:
        body["model"] = MODELS[len(body["model"]) % len(MODELS)]
    if ASKS & body.keys():
        body.update({name: value for name, value in SHORT.items() if body.get(name) is not None})
        body.setdefault("max_tokens", SHORT["max_tokens"])
    return body
