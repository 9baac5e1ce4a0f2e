"""The API's page names every request, and its examples over HTTP run one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import httpx
from tests.server.clients.conftest import ROOT, ServedHere

PAGE = ROOT / "src/airunner/components/llm/api/README.md"
ELSEWHERE = {"GET /healthz", "GET /readyz", "GET /metrics"}
"""What the page on the server tells; all at ``/api/v1`` is the native API's."""


def test_the_examples_run(server: ServedHere, tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```py\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) == 5
    script = tmp_path / "examples.py"
    source = "\n".join(blocks).replace("http://127.0.0.1:8188", server.url)
    script.write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert '"city"' in done.stdout
    assert "tokens from the cache" in done.stdout


def test_the_page_has_every_request_and_no_other(server: ServedHere) -> None:
    known = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    served = {
        f"{method.upper()} {path}"
        for path, methods in known.items()
        for method in methods
        if not path.startswith("/api/v1")
    }
    told = re.findall(r"`((?:GET|POST|DELETE) /[^`]*)`", PAGE.read_text(encoding="utf-8"))
    assert served - set(told) == ELSEWHERE
    assert set(told) - served == {"GET /openapi.json"}
