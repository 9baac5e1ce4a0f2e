"""The examples over HTTP on the API's page run, one after the other, against a server."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.server.clients.conftest import ROOT, ServedHere

PAGE = ROOT / "src/airunner/components/llm/api/README.md"


def test_the_examples_run(server: ServedHere, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    script = tmp_path / "examples.py"
    source = "\n".join(blocks).replace("http://127.0.0.1:8188", server.url)
    script.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    assert '"city"' in done.stdout
    assert "tokens from the cache" in done.stdout
