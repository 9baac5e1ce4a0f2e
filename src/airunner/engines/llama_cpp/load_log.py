"""Why a model did not load, read from the end of the engine's log.

llama.cpp tells its caller only that loading failed; the reason is a line of
its log. Owns the patterns for those lines and the error each one becomes.
"""

from __future__ import annotations

import re

from airunner.engines.base import LoadPlan, WorkerExit
from airunner.errors import (
    AiRunnerError,
    CorruptWeightsError,
    LoadError,
    UnsupportedArchitectureError,
)
from airunner.workers.launcher import death_while_loading

_ARCHITECTURE = re.compile(r"unknown model architecture: '([^']*)'")
_TRUNCATED = re.compile(
    r"not within the file bounds|corrupted or incomplete|unexpectedly reached end"
)
_NOT_GGUF = re.compile(r"invalid magic")
_LOADER = re.compile(r"error loading model: (.+)")
_DAMAGED = re.compile(
    r"missing tensor|tensor '[^']*' not found|wrong shape|failed to read|key not found"
    r"|gguf_init|invalid"
)
_MEMORY = re.compile(
    r"(?:unable|failed) to allocate|out of memory|cudaMalloc failed|ErrorOutOfDeviceMemory"
    r"|bad_alloc|Cannot allocate memory"
)
_ARGUMENT = re.compile(
    r"error: (?:invalid argument|unknown value)[^\n]*|error while handling argument[^\n]*"
)
_BIND = re.compile(r"couldn't bind")
# Several lines, up to the next one with a time.
_TEMPLATE = re.compile(r"common_chat_templates_init: (error: .+?)(?=\n[\d.]+ [A-Z] |\Z)", re.DOTALL)
_TEMPLATE_OTHERWISE = re.compile(
    r"chat template parsing error: (.+?)(?=\n[\d.]+ [A-Z] |\Z)", re.DOTALL
)
_STAMP = re.compile(r"^-{3,}$", re.MULTILINE)
_REPLACE_TEMPLATE = (
    "Give it another one: --chat-template FILE, or chat_template in its entry of MODEL_REGISTRY"
)
_ERROR_LINE = re.compile(r"^[\d.]+ E (.+)$|^(?:error|terminate called)[^\n]*$", re.MULTILINE)


def explain(plan: LoadPlan, problem: str, ended: WorkerExit) -> AiRunnerError:
    """The error to raise for a load that failed.

    ``problem`` is what the child said, empty if it died without a word.
    """
    log = ended.log
    if found := _ARCHITECTURE.search(log):
        return UnsupportedArchitectureError(plan.path, found[1])
    if found := _TEMPLATE.search(log) or _TEMPLATE_OTHERWISE.search(log):
        reason = " ".join(_STAMP.sub("", found[1]).split()).removeprefix("error: ")
        problem = f"its chat template cannot be used ({reason.rstrip('.')}). {_REPLACE_TEMPLATE}"
        return LoadError(plan.model, problem, log)
    if _NOT_GGUF.search(log):
        return CorruptWeightsError(plan.path, "it is not a GGUF file")
    if _TRUNCATED.search(log):
        return CorruptWeightsError(plan.path, "it is shorter than it says it is")
    if _MEMORY.search(log):
        return LoadError(plan.model, "the engine ran out of memory while loading it", log)
    if found := _ARGUMENT.search(log):
        return LoadError(plan.model, f"llama-server refused its arguments: {found[0]}", log)
    if _BIND.search(log):
        return LoadError(plan.model, "another program took its port; try again", log)
    if (found := _LOADER.search(log)) and _DAMAGED.search(log):
        return CorruptWeightsError(plan.path, found[1])
    if not problem:
        return LoadError(plan.model, death_while_loading(ended), log)
    lines = [match[1] or match[0] for match in _ERROR_LINE.finditer(log)]
    return LoadError(plan.model, lines[0] if lines else problem, log)
