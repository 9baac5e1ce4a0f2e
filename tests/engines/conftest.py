"""A llama-server binary to start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest


@pytest.fixture
def llama_server(tmp_path: Path) -> Path:
    """An executable that takes llama-server's flags and serves for real."""
    script = Path(__file__).with_name("llama_cpp") / "llama_server.py"
    binary = tmp_path / "llama-server"
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    binary.chmod(0o755)
    return binary
