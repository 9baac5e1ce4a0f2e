"""The base of all errors, in a file of its own for the sake of import order."""

from __future__ import annotations


class AiRunnerError(Exception):
    """Base of everything AI Runner raises on purpose."""
