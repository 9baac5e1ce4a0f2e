"""A model's table for the configuration file, from what is known of its weights.

Owns which capabilities, context and abilities follow from a GGUF file's metadata or from
what a hub says of one. What a table may hold is ``airunner.models.model_table``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from airunner.models.files.gguf import ENCODERS, read_gguf
from airunner.models.files.gguf_header import read_header
from airunner.models.fitting import file_needs_bytes
from airunner.models.likeness import known_sampling, names_in
from airunner.models.spec import MOST_CONTEXT, ModelCapability, ModelSpec

TALKING = tuple(
    capability
    for capability in ModelCapability
    if capability not in (ModelCapability.IMAGE_GENERATION, ModelCapability.EMBEDDING)
)
"""What a model that talks can be asked to do."""

EMBEDDING_TASKS = ("feature-extraction", "sentence-similarity")
"""The hub's words for models that make vectors."""

_QUANTIZATION = re.compile(r"(?<![A-Za-z0-9])((?:I?Q\d|TQ\d)\w*|BF16|F16|F32|MXFP4)", re.IGNORECASE)


_LONGEST_LICENSE = 200
"""Of its name: some files have all of its text there."""


def describe_gguf(path: Path, name: str, registered: Iterable[ModelSpec] = ()) -> dict[str, Any]:
    """The table of a GGUF file on this machine; ``name`` may say its quantization.

    Its sampling is that of the model among those ``registered`` that it is a copy of.

    Raises:
        WeightsError: it is damaged, or no model that could talk or embed.
    """
    header = read_header(path)
    metadata = header.metadata
    architecture = str(metadata.get("general.architecture", ""))
    embeds = architecture in ENCODERS or any(k.endswith(".pooling_type") for k in metadata)
    model = read_gguf(path, embedding=True)
    template, license = map(metadata.get, ("tokenizer.chat_template", "general.license"))
    parameters = sum(_product(tensor.shape) for tensor in model.tensors)
    return described(
        name,
        embeds=embeds,
        context_length=model.context_length,
        chat_template=template if isinstance(template, str) else "",
        parameters=parameters,
        license=license if isinstance(license, str) else "",
        called=[*names_in(metadata), path.stem],
        registered=registered,
    )


def described(
    name: str,
    *,
    embeds: bool,
    context_length: int | None,
    chat_template: str,
    parameters: int | None,
    license: str,
    n_bytes: int | None = None,
    called: Iterable[str] = (),
    registered: Iterable[ModelSpec] = (),
) -> dict[str, Any]:
    """The table of a language model.

    Args:
        name: the file's name, which says its quantization.
        embeds: whether it makes vectors rather than text.
        context_length: tokens it was trained for.
        chat_template: its Jinja template, which shows whether it offers tools.
        parameters: their number.
        license: its licence's name.
        n_bytes: of its file, where that is not on this machine to be measured.
        called: what its publisher calls it, surest first.
        registered: models, of which it may be a copy and whose sampling it then has.
    """
    table: dict[str, Any] = {
        "capabilities": [ModelCapability.EMBEDDING.value] if embeds else [c.value for c in TALKING]
    }
    if context_length and context_length <= MOST_CONTEXT:
        table["max_context"] = context_length
    # A template that offers tools reads them from its variable of this name.
    if re.search(r"\btools\b", chat_template) and not embeds:
        table["supports_function_calling"] = True
    if "enable_thinking" in chat_template:
        table["supports_thinking"] = True
    if quantization := _QUANTIZATION.search(name):
        table["quantization"] = quantization[1]
    if n_bytes is not None:
        table["gpu_memory_gb"] = needed_gb(n_bytes)
    if parameters:
        table["parameters_b"] = _rounded(parameters / 1e9)
    table |= license_entry(license)
    sampling = known_sampling(called, table.get("parameters_b"), registered)
    if sampling and not embeds:
        table["sampling"] = sampling
    return table


def license_entry(license: str) -> dict[str, str]:
    """What a table says of the licence that somebody named; nothing where that is no name."""
    is_name = license.isprintable() and 0 < len(license) <= _LONGEST_LICENSE
    return {"license": license} if is_name else {}


def needed_gb(n_bytes: int) -> float:
    """Expected memory in GB (10^9 bytes) of a model with weights of ``n_bytes``."""
    return _rounded(file_needs_bytes(n_bytes) / 1e9)


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product
