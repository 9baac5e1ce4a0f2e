"""A server of the embedded weights under a native tool template, as a process of its own.

A third model says nothing that means anything, at once: it is for long sessions.

Not a test: ``python -m tests.server.clients.native_server WEIGHTS OTHERS QUICK`` serves until
it is told to stop, at a port of its own, which it prints. The rest comes from the environment,
as it does for ``airunner serve``.
"""

from __future__ import annotations

import sys

from benchmarks.native_template import TOOL_TEMPLATE

from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.config.settings import Settings
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.server.serving import Address, serve

NATIVE = "tests/native"
EMBEDDER = "tests/embedder"
QUICK = "tests/quick"
CONTEXT = 2048


def register(weights: str, others: str, quick: str) -> None:
    """Add the models that talk to the registry, and the one that embeds."""
    for name, path in ((NATIVE, weights), (QUICK, quick)):
        MODEL_REGISTRY[name] = ModelSpec(
            name,
            [ModelCapability.PRIMARY_CONVERSATION],
            max_context=CONTEXT,
            supports_function_calling=True,
            sources=(FileSource(path),),
            chat_template=TOOL_TEMPLATE,
        )
    MODEL_REGISTRY[EMBEDDER] = ModelSpec(
        EMBEDDER, [ModelCapability.EMBEDDING], max_context=512, sources=(FileSource(others),)
    )
    CAPABILITY_TO_MODEL[ModelCapability.EMBEDDING] = EMBEDDER


def main(weights: str, others: str, quick: str) -> None:
    """Serve until told to stop."""
    register(weights, others, quick)
    settings = Settings.load({"primary": NATIVE, "context": CONTEXT})
    serve(settings, Address(port=0), lambda url: print(url, flush=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
