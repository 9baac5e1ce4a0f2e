"""What llama-server answers to questions that are no generation, read.

One that has another form raises what Python does; ``connection`` makes it an error in words.
"""

from __future__ import annotations

from typing import Any

from airunner.engines.base import SlotState


def told_prompt(told: Any) -> str:
    """The prompt that messages become."""
    return str(told["prompt"])


def told_pieces(told: Any) -> list[str]:
    """The tokens of a text, as text."""
    return [token["piece"] for token in told["tokens"]]


def told_vectors(told: Any) -> list[list[float]]:
    """One vector for each text."""
    return [row["embedding"] for row in sorted(told["data"], key=lambda row: row["index"])]


def told_saved(told: Any) -> tuple[int, SlotState]:
    """What was written, and the state; its file is larger."""
    seconds = told["timings"]["save_ms"] / 1000
    return told["n_written"], SlotState(told["n_saved"], told["n_written"], seconds)


def told_restored(told: Any) -> SlotState:
    """The state that was read back."""
    return SlotState(told["n_restored"], told["n_read"], told["timings"]["restore_ms"] / 1000)
