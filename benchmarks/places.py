"""Servers of chat completions that benchmarks ask: how one is asked, and ``airunner serve``.

Owns the smallest client, which adds as little as can be to what is measured, and our own
server in a process of its own. Other people's are ``proxies``'.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

CONTEXT = 4096
"""Tokens of each conversation, wherever it is held."""
_STOP_S = 60


@dataclass(frozen=True)
class Answer:
    """One streamed answer. Times are seconds."""

    ttft_s: float
    total_s: float
    tokens: int
    prompt_tokens: int
    cached_tokens: int
    text: str


@dataclass(frozen=True)
class Place:
    """Where to ask, the headers that are wanted there, and the process that answers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int = 0

    @property
    def cpu_s(self) -> float:
        """CPU time that the process has taken, without those that it has started."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def ask(
        self, messages: Sequence[Mapping[str, str]], model: str, tokens: int, **more: Any
    ) -> Answer:
        """One request, its lines read as they come; ``more`` are further fields of its body."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        body = {
            "model": model,
            "messages": list(messages),
            "max_tokens": tokens,
            "temperature": 0,
            "seed": 1,
            "stream": True,
            "stream_options": {"include_usage": True},
            **more,
        }
        headers = {"Content-Type": "application/json", **self.headers}
        connection.connect()
        began_s = time.perf_counter()
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        assert response.status == http.client.OK, response.read()
        first_s, text = 0.0, ""
        usage: dict[str, Any] = {}
        for line in response:
            if not line.startswith(b"data: {"):
                continue
            chunk = json.loads(line[6:])
            usage = chunk.get("usage") or usage
            piece = "".join(c["delta"].get("content") or "" for c in chunk.get("choices", ()))
            if piece and not first_s:
                first_s = time.perf_counter()
            text += piece
        ended_s = time.perf_counter()
        connection.close()
        details = usage.get("prompt_tokens_details") or {}
        return Answer(
            ttft_s=(first_s or ended_s) - began_s,
            total_s=ended_s - began_s,
            tokens=usage["completion_tokens"],
            prompt_tokens=usage["prompt_tokens"],
            cached_tokens=details.get("cached_tokens") or 0,
            text=text,
        )


@contextmanager
def serving(home: Path, *flags: str) -> Iterator[Place]:
    """``airunner serve`` over the weights of ``home``, in a process of its own."""
    command = [sys.executable, "-m", "airunner", "serve", "--port", "0", "--home", str(home)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, "--offline", "--context", str(CONTEXT), *flags],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with ended(process):
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Place(line.split()[-1], {}, process.pid)


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End ``process`` after the body, as a user does."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=_STOP_S)
        if process.stdout is not None:
            process.stdout.close()


def home_with_weights(folder: Path, home: Path) -> Path:
    """An empty home folder that has the embedded weights of another one."""
    new = folder / "home"
    new.mkdir()
    shutil.copytree(home / "models", new / "models", copy_function=os.link)
    return new
