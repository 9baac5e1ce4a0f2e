"""What an image pipeline consists of, read from its folder or file without loading it.

Owns the layout of a diffusers pipeline folder (``model_index.json``, one folder
per part with ``config.json`` and weights) and of checkpoints that hold a whole
model in one file. What it takes in memory is ``airunner.models.memory.image``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airunner.config.json_file import read_json
from airunner.errors import CorruptWeightsError, MissingWeightsError
from airunner.models.files.safetensors import StoredTensor, read_tensors
from airunner.models.files.split import complete_sets

INDEX = "model_index.json"
PICKLE_SUFFIXES = frozenset({".bin", ".ckpt", ".pt", ".pth", ".pkl"})
GGUF_SUFFIX = ".gguf"
DENOISERS = ("transformer", "unet", "prior")
OPTIONAL_PARTS = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Parts that a pipeline draws without; the engine leaves out those that are not there."""

ONLY_INPAINTING_CHANNELS = 9
INPAINTING_CHANNELS = (4, ONLY_INPAINTING_CHANNELS)
"""What goes into a UNet that can paint over: a picture's latents; with a mask, in its own kind."""

_INPAINTS = re.compile(
    r"(StableDiffusion|StableDiffusionXL|StableDiffusion3|IF|Kandinsky|KandinskyV22|Flux|QwenImage"
    r"|QwenImageEdit|ZImage)(ControlNet|ControlNetUnion|Control)?(PAG)?"
    r"(Img2Img|Inpaint|Inpainting)?(Combined)?Pipeline"
)
_MAX_JSON_BYTES = 1 << 20
# `diffusion_pytorch_model.fp16-00001-of-00002.safetensors` and its simpler relatives.
_WEIGHTS = re.compile(
    r"(?:diffusion_pytorch_model|pytorch_model|model|spiece_model)"
    r"(?:\.(?P<variant>[a-z0-9_]+))?"
    r"(?:-\d{5}-of-(?P<count>\d{5}))?"
    r"(?:\.(?P<late_variant>[a-z0-9_]+))?"
    r"(?P<suffix>\.safetensors|\.bin|\.ckpt|\.pt|\.pth|\.pkl)"
)
_WITHOUT_WEIGHTS = ("Scheduler", "Tokenizer", "TokenizerFast", "Processor", "Extractor")
# Names that begin a tensor in a one-file checkpoint, and the part they belong to.
_PREFIXES = (
    ("model.diffusion_model.", "unet"),
    ("first_stage_model.", "vae"),
    ("vae.", "vae"),
    ("cond_stage_model.", "text_encoder"),
    ("conditioner.embedders.0.", "text_encoder"),
    ("conditioner.embedders.1.", "text_encoder_2"),
    ("text_encoders.", "text_encoder"),
    ("double_blocks.", "transformer"),
    ("single_blocks.", "transformer"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a pipeline, such as the UNet.

    Attributes:
        name: as the pipeline calls it: ``"unet"``, ``"text_encoder_2"``.
        class_name: the library's class for it; empty if unknown.
        config: its ``config.json``.
        files: its weights, split files with all their pieces; safetensors, GGUF or pickle.
        tensors: what safetensors hold; empty for other formats, which are not looked into.
    """

    name: str
    class_name: str
    config: Mapping[str, object] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    tensors: tuple[StoredTensor, ...] = ()

    @property
    def is_pickle(self) -> bool:
        """Whether its weights are in a format that can run any code when loaded."""
        return any(file.suffix in PICKLE_SUFFIXES for file in self.files)

    @property
    def is_gguf(self) -> bool:
        """Whether its weights stay quantized as they are stored."""
        return any(file.suffix == GGUF_SUFFIX for file in self.files)

    @property
    def n_bytes(self) -> int:
        """Bytes of the weights as stored."""
        if self.is_pickle or self.is_gguf:
            return sum(file.stat().st_size for file in self.files)
        return sum(tensor.n_bytes for tensor in self.tensors)

    def loaded_bytes(self, dtype_bytes: int) -> int:
        """Bytes of the weights once floating-point numbers take ``dtype_bytes`` each.

        A pickle is counted as if it were stored in 16 bits, which errs upwards.
        """
        if self.is_gguf:
            return self.n_bytes
        if self.is_pickle:
            return self.n_bytes // 2 * dtype_bytes
        return sum(t.n_elements * dtype_bytes if t.is_floating else t.n_bytes for t in self.tensors)

    def number(self, key: str, default: int) -> int:
        """A whole number of the configuration."""
        value = self.config.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    def numbers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers of the configuration; empty if it is none."""
        value = self.config.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return (value,)
        if not isinstance(value, list | tuple):
            return ()
        return tuple(v for v in value if isinstance(v, int) and not isinstance(v, bool))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline's parts.

    Attributes:
        path: its folder or file.
        class_name: the library's class for the whole; empty for a one-file checkpoint.
        parts: those with weights, by name, in the order they are loaded.
        variant: the file name's variant that must be asked for when loading, such
            as ``"fp16"``; ``None`` for plain names.
        files: every file that was read, for noticing changes.
    """

    path: Path
    class_name: str
    parts: Mapping[str, Part]
    variant: str | None = None
    files: tuple[Path, ...] = ()

    @property
    def denoiser(self) -> Part:
        """The part that runs at every step; the largest one if none has its usual name."""
        for name in DENOISERS:
            if name in self.parts:
                return self.parts[name]
        return max(self.parts.values(), key=lambda part: part.n_bytes)

    @property
    def vae(self) -> Part | None:
        """The part that turns latents into pixels."""
        return self.parts.get("vae") or self.parts.get("vqvae") or self.parts.get("movq")

    @property
    def is_pickle(self) -> bool:
        """Whether any part is in a pickle format."""
        return any(part.is_pickle for part in self.parts.values())


def is_pipeline_folder(path: Path) -> bool:
    """Whether ``path`` looks like a pipeline: a folder with an index."""
    return (path / INDEX).is_file()


def read_pipeline(path: Path) -> Pipeline:
    """Read the pipeline folder or one-file checkpoint at ``path``; opens headers only.

    Raises:
        MissingWeightsError: there is nothing at ``path``.
        CorruptWeightsError: a part is missing or damaged; the message names it.
    """
    try:
        if path.is_dir():
            return _read_folder(path)
        if not path.exists():
            raise MissingWeightsError(path.name, (path,))
        return _read_checkpoint(path)
    except OSError as error:  # such as a name that is too long for the file system
        raise CorruptWeightsError(path, f"it cannot be read ({error.strerror})") from error


def may_inpaint(path: Path) -> bool:
    """Whether what is known of the pipeline at ``path`` lets it paint over a part of a picture.

    Of a file whose configuration is elsewhere, or of what cannot be read, nothing is known:
    the engine says it then. Source: diffusers' ``AUTO_INPAINT_PIPELINES_MAPPING`` (0.42.1).
    """
    if not is_pipeline_folder(path):
        return True
    try:
        if not _INPAINTS.fullmatch(str(read_index(path).get("_class_name", ""))):
            return False
        return _unet_channels(path) in (None, *INPAINTING_CHANNELS)
    except CorruptWeightsError:
        return True


def only_inpaints(path: Path) -> bool:
    """Whether the pipeline at ``path`` is known to draw nothing without a mask."""
    try:
        return is_pipeline_folder(path) and _unet_channels(path) == ONLY_INPAINTING_CHANNELS
    except CorruptWeightsError:
        return False


def _unet_channels(path: Path) -> object:
    """What goes into the UNet of the pipeline in the folder ``path``; ``None`` without one."""
    if not (path / "unet").is_dir():
        return None
    config = _json(path / "unet" / "config.json", path, "'unet' has no config.json")
    return config.get("in_channels", INPAINTING_CHANNELS[0])


def read_index(folder: Path) -> Mapping[str, object]:
    """What the index of a pipeline folder says: its class, and each part's library and class.

    Raises:
        CorruptWeightsError: it is absent, too large, or no JSON object.
    """
    return _json(folder / INDEX, folder, f"it has no {INDEX}")


def _read_folder(folder: Path) -> Pipeline:
    index = read_index(folder)
    named: dict[str, str] = {}
    for name, entry in index.items():
        if name.startswith("_") or not isinstance(entry, list) or len(entry) != 2:
            continue
        if Path(name).name != name or name in ("", ".", ".."):
            raise CorruptWeightsError(folder, f"{INDEX} has the impossible part {name[:80]!r}")
        if isinstance(entry[1], str):
            named[name] = entry[1]
    found: dict[str, dict[str | None, tuple[Path, ...]]] = {}
    for name, class_name in named.items():
        if not (folder / name).is_dir():
            if name in OPTIONAL_PARTS:
                continue
            raise CorruptWeightsError(folder, f"its part {name[:80]!r} is missing")
        if not class_name.endswith(_WITHOUT_WEIGHTS):
            found[name] = _weight_files(folder, name)
    if not found:
        raise CorruptWeightsError(folder, f"{INDEX} names no part with weights")
    variant = _variant(folder, found)
    parts: dict[str, Part] = {}
    for name, by_variant in found.items():
        files = by_variant.get(variant) or by_variant[None]
        config = _json(folder / name / "config.json", folder, f"{name!r} has no config.json")
        tensors = _tensors(files) if files[0].suffix == ".safetensors" else ()
        parts[name] = Part(name, named[name], config, files, tensors)
    read = [folder / INDEX, *(f for p in parts.values() for f in p.files)]
    read += [folder / name / "config.json" for name in parts]
    return Pipeline(folder, str(index.get("_class_name", "")), parts, variant, tuple(read))


def _weight_files(folder: Path, name: str) -> dict[str | None, tuple[Path, ...]]:
    """The complete weights of a part by variant; safetensors go before pickles.

    A denoiser may be one GGUF file instead, as the engine loads it.
    """
    if name in DENOISERS and (ggufs := sorted((folder / name).glob(f"*{GGUF_SUFFIX}"))):
        return {None: (ggufs[0],)}
    matched = {
        file.name: match
        for file in (folder / name).iterdir()
        if (match := _WEIGHTS.fullmatch(file.name)) and file.is_file()
    }
    found: dict[str | None, tuple[Path, ...]] = {}
    for files in sorted(complete_sets(matched), key=lambda s: Path(s[0]).suffix in PICKLE_SUFFIXES):
        match = matched[files[0]]
        variant = match["variant"] or match["late_variant"]
        found.setdefault(variant, tuple(folder / name / file for file in files))
    if found:
        return found
    if not matched:
        raise CorruptWeightsError(folder, f"its part {name!r} has no weights")
    wanted = max(int(match["count"]) for match in matched.values())
    raise CorruptWeightsError(
        folder, f"its part {name!r} has only {len(matched)} of {wanted} weight files"
    )


def _variant(
    folder: Path, found: Mapping[str, Mapping[str | None, tuple[Path, ...]]]
) -> str | None:
    """The variant to load: none where every part has plain names, else one that covers the rest."""
    incomplete = [name for name, by_variant in found.items() if None not in by_variant]
    if not incomplete:
        return None
    for variant in sorted(v for v in found[incomplete[0]] if v is not None):
        if all(variant in by_variant or None in by_variant for by_variant in found.values()):
            return variant
    raise CorruptWeightsError(folder, f"its parts {incomplete} have no weights of one variant")


def _read_checkpoint(path: Path) -> Pipeline:
    """A whole model in one file, its parts told apart by the tensors' names."""
    suffix = path.suffix.lower()
    if suffix == GGUF_SUFFIX:
        raise CorruptWeightsError(
            path,
            "a GGUF file holds one part and no pipeline. Put it into the folder transformer/ (or "
            "unet/) of a whole pipeline folder, beside that part's config.json and in place of "
            "its safetensors files",
        )
    if suffix in PICKLE_SUFFIXES:
        part = Part("unet", "", {}, (path,))
        return Pipeline(path, "", {"unet": part}, None, (path,))
    tensors = read_tensors(path)
    grouped: defaultdict[str, list[StoredTensor]] = defaultdict(list)
    for tensor in tensors:
        name = next((part for start, part in _PREFIXES if tensor.name.startswith(start)), "")
        grouped[name or "rest"].append(tensor)
    if not grouped.keys() & {"unet", "transformer"}:
        raise CorruptWeightsError(path, "it holds no image model: no UNet and no transformer")
    if "joint_blocks" in " ".join(t.name for t in grouped["unet"][:50]):  # SD3's transformer
        grouped["transformer"] = grouped.pop("unet")
    order = ("text_encoder", "text_encoder_2", "transformer", "unet", "vae", "rest")
    parts = {
        name: Part(name, "", guessed_config(name, grouped[name]), (path,), tuple(grouped[name]))
        for name in order
        if grouped.get(name)
    }
    return Pipeline(path, "", parts, None, (path,))


def guessed_config(name: str, tensors: Iterable[StoredTensor]) -> dict[str, object]:
    """The few settings that memory depends on, read off the shapes of a one-file checkpoint."""
    shapes = {t.name: t.shape for t in tensors}
    if name == "unet":
        first = shapes.get("model.diffusion_model.input_blocks.0.0.weight", (320, 4, 3, 3))
        width = first[0]
        widest = max(
            (s[0] for n, s in shapes.items() if ".input_blocks." in n and len(s) == 4),
            default=width * 4,
        )
        levels = [width, width * 2, width * 4]
        return {"block_out_channels": [c for c in levels if c <= widest], "layers_per_block": 2}
    if name == "vae":
        return {"block_out_channels": [128, 256, 512, 512], "latent_channels": 4}
    return {}


def _tensors(files: tuple[Path, ...]) -> tuple[StoredTensor, ...]:
    return tuple(tensor for file in files for tensor in read_tensors(file))


def _json(file: Path, folder: Path, absent: str) -> dict[str, object]:
    """A JSON object from a small file.

    Raises:
        CorruptWeightsError: it is absent, too large, or no JSON object.
    """
    try:
        content = read_json(file, _MAX_JSON_BYTES)
    except FileNotFoundError:
        raise CorruptWeightsError(folder, absent) from None
    except OSError as error:
        raise CorruptWeightsError(file, f"it cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise CorruptWeightsError(file, f"it is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise CorruptWeightsError(file, "it is not a JSON object")
    return content
