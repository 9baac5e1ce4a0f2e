"""The file beside a GGUF that lets its model see or hear: llama.cpp's "mmproj".

Owns finding it and what its metadata says: which kinds of media it takes, its size, and
the most tokens that a picture can become. The keys are those that ``clip.cpp`` in
llama.cpp's ``tools/mtmd`` reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from airunner.errors import CorruptWeightsError, UnsupportedArchitectureError
from airunner.messages import AudioPart, ImagePart, MediaKind
from airunner.models.files.gguf_header import GgufHeader, read_header

# Limits that llama.cpp sets for encoders whose picture has no fixed size
# (`set_limit_image_tokens`). The highest, of Qwen2-VL and its successors, also bounds
# those that cut a picture into slices.
_LIMITS = {"pixtral": 1024, "lightonocr": 1024, "kimivl": 1024, "lfm2": 1024}
_HIGHEST_LIMIT = 4096
_PATCHES_PER_TOKEN = 4
_MARK_TOKENS = 32  # the words around it, such as <|vision_start|>, in any vocabulary
_AUDIO_PATCHES = 1500  # Whisper's, of 30 s
_ENCODING_BYTES = 20 << 20  # measured: graph, decoded picture and embeddings of a small encoder
# Encoders that scale every picture to one square, with their patches per token.
_FIXED_SIZE = {"mlp": 1, "gemma3": 16}
_NOT_FAMILY = re.compile(
    r"i?q\d\w*|[ksml01]|x+[sl]|b?f(?:16|32)|fp(?:16|32)|mxfp4|ud|imat\w*|\d{5}|of|gguf"
    r"|mmproj|model"
)
# Where several fit: the encoder is small, and suffers from coarse weights.
_PREFERRED = ("-f16", "bf16", "f32", "q8")


@dataclass(frozen=True, slots=True)
class Projector:
    """One such file.

    ``takes`` are the kinds of media it encodes, ``weights_bytes`` its tensors,
    ``most_image_tokens`` a bound of what one picture can become in a prompt, and
    ``most_patches`` of what the encoder takes at once; ``width`` and ``n_ff`` are the encoder's.
    """

    path: Path
    takes: frozenset[MediaKind]
    weights_bytes: int
    most_image_tokens: int
    most_patches: int
    width: int
    n_ff: int

    def most_tokens(self, part: ImagePart | AudioPart) -> int:
        """A bound of what ``part`` becomes in a prompt, where the engine cannot be asked.

        Encoders of sound make at most 25 tokens a second (750 of Whisper's 30 s, which are
        filled up), and an MP3 file has at least 4,000 bytes a second.
        """
        if isinstance(part, ImagePart):
            return _MARK_TOKENS + self.most_image_tokens
        return _MARK_TOKENS + 750 + len(part.data) // 160

    @property
    def compute_bytes(self) -> int:
        """Memory to encode the largest picture, beside the weights.

        Per patch, in F32: six rows of the encoder's width, and the feed-forward layer
        twice. Compared with the engine's peak on the CPU for four encoders of one layer,
        256 to 1,024 wide, with 576 and 4,096 patches: from 1 MiB below it to twice it.
        """
        return _ENCODING_BYTES + 4 * self.most_patches * (6 * self.width + 2 * self.n_ff)


def read_projector(path: Path) -> Projector:
    """What the projector at ``path`` is, from its header alone.

    Raises:
        MissingWeightsError, CorruptWeightsError: the file is not there, or damaged.
        UnsupportedArchitectureError: it is sound, but no projector.
    """
    header = read_header(path)
    metadata = header.metadata
    architecture = str(metadata.get("general.architecture", ""))
    if architecture != "clip":
        raise UnsupportedArchitectureError(path, architecture)
    kinds: dict[str, MediaKind] = {"vision": "image", "audio": "audio"}
    takes = {k for name, k in kinds.items() if metadata.get(f"clip.has_{name}_encoder") is True}
    if not takes:
        raise CorruptWeightsError(path, "it does not say what it encodes")
    encoder = "clip.vision" if "image" in takes else "clip.audio"
    tokens, patches = _bounds(header)
    return Projector(
        path=path,
        takes=frozenset(takes),
        weights_bytes=sum(tensor.n_bytes for tensor in header.tensors),
        most_image_tokens=tokens,
        most_patches=patches,
        width=_number(header, f"{encoder}.embedding_length"),
        n_ff=_number(header, f"{encoder}.feed_forward_length"),
    )


def find_projector(weights: Path) -> Path | None:
    """The projector of the model at ``weights``, by its name: ``*mmproj*.gguf`` beside it.

    Its name says the same as the model's but for the quantization, or nothing at all; the
    latter only counts where the folder holds no other model, since an engine refuses a
    whole load for another model's projector.
    """
    names = [path.name for path in weights.parent.glob("*.gguf")]
    candidates = [name for name in names if "mmproj" in name.lower()]
    family = _family(weights.name)
    alone = all(_family(name) == family for name in names if name not in candidates)
    fitting = [n for n in candidates if (alone if not _family(n) else _family(n) == family)]
    chosen = min(fitting, key=_rank, default=None)
    return None if chosen is None else weights.with_name(chosen)


def _family(name: str) -> tuple[str, ...]:
    words = re.split(r"[-_.]", name.lower())
    return tuple(word for word in words if word and not _NOT_FAMILY.fullmatch(word))


def _rank(name: str) -> tuple[int, str]:
    low = name.lower()
    ranks = [rank for rank, quantization in enumerate(_PREFERRED) if quantization in low]
    return min(ranks, default=len(_PREFERRED)), name


def _bounds(header: GgufHeader) -> tuple[int, int]:
    """The most tokens of a picture, and the most patches of anything."""
    if header.metadata.get("clip.has_vision_encoder") is not True:
        return 0, _AUDIO_PATCHES
    names = ("clip.vision.projector_type", "clip.projector_type")
    kind = next((str(header.metadata[name]) for name in names if name in header.metadata), "")
    side, patch = (_number(header, f"clip.vision.{name}_size") for name in ("image", "patch"))
    if kind in _FIXED_SIZE and side and patch:
        patches = (side // patch) ** 2
        return -(-patches // _FIXED_SIZE[kind]), patches
    tokens = _LIMITS.get(kind, _HIGHEST_LIMIT)
    return tokens, tokens * _PATCHES_PER_TOKEN


def _number(header: GgufHeader, key: str) -> int:
    value = header.metadata.get(key)
    return value if type(value) is int and 0 < value < 1 << 24 else 0
