"""The number formats of GGUF tensors: their names and how many bytes they take.

Owns the block table of ggml's types. How a type computes is the engine's business.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorType:
    """A ggml number format: ``block`` elements are stored in ``block_bytes`` bytes."""

    name: str
    block: int
    block_bytes: int

    def n_bytes(self, n_elements: int) -> int:
        """Bytes of ``n_elements``, which must be a whole number of blocks."""
        return n_elements // self.block * self.block_bytes


# The ids are `enum ggml_type` (ggml.h); block sizes are `type_traits` (ggml.c).
TENSOR_TYPES: dict[int, TensorType] = {
    type_id: TensorType(name, block, block_bytes)
    for type_id, name, block, block_bytes in (
        (0, "F32", 1, 4),
        (1, "F16", 1, 2),
        (2, "Q4_0", 32, 18),
        (3, "Q4_1", 32, 20),
        (6, "Q5_0", 32, 22),
        (7, "Q5_1", 32, 24),
        (8, "Q8_0", 32, 34),
        (9, "Q8_1", 32, 40),
        (10, "Q2_K", 256, 84),
        (11, "Q3_K", 256, 110),
        (12, "Q4_K", 256, 144),
        (13, "Q5_K", 256, 176),
        (14, "Q6_K", 256, 210),
        (15, "Q8_K", 256, 292),
        (16, "IQ2_XXS", 256, 66),
        (17, "IQ2_XS", 256, 74),
        (18, "IQ3_XXS", 256, 98),
        (19, "IQ1_S", 256, 50),
        (20, "IQ4_NL", 32, 18),
        (21, "IQ3_S", 256, 110),
        (22, "IQ2_S", 256, 82),
        (23, "IQ4_XS", 256, 136),
        (24, "I8", 1, 1),
        (25, "I16", 1, 2),
        (26, "I32", 1, 4),
        (27, "I64", 1, 8),
        (28, "F64", 1, 8),
        (29, "IQ1_M", 256, 56),
        (30, "BF16", 1, 2),
        (34, "TQ1_0", 256, 54),
        (35, "TQ2_0", 256, 66),
        (39, "MXFP4", 32, 17),
        (40, "NVFP4", 64, 36),
        (41, "Q1_0", 128, 18),
    )
}

TYPE_BY_NAME: dict[str, TensorType] = {t.name.lower(): t for t in TENSOR_TYPES.values()}
