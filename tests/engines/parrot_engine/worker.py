"""The process that holds one voice: it answers each prompt with its last words."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import takewhile
from pathlib import Path
from typing import Any

from airunner.engines.base import LoadPlan
from airunner.workers.process import Serving, run_worker
from airunner.workers.wire import Order

LAST_WORDS = 3


class Cage:
    """The voice, and the words in each slot."""

    def __init__(self, path: Path) -> None:
        self.voice = path.read_text().split()
        self.slots: dict[int, list[str]] = {}

    def answer(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        slot = body["slot"]
        if path == "/say":
            prompt = body["prompt"]
            pairs = zip(self.slots.get(slot, []), prompt, strict=False)
            cached = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            words = [*self.voice, *prompt[-LAST_WORDS:]]
            self.slots[slot] = [*prompt, *words]
            return {"words": words, "cached": cached}
        file = Path(body["file"])
        if path == "/save":
            file.write_text(json.dumps(self.slots[slot]))
        else:
            self.slots[slot] = json.loads(file.read_text())
        return {"tokens": len(self.slots[slot]), "bytes": file.stat().st_size}


def handler(cage: Cage, key: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if self.headers["Authorization"] != f"Bearer {key}":
                self.send_error(401)
                return
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = json.dumps(cage.answer(self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    return Handler


def load(order: Order[LoadPlan]) -> Serving:
    cage = Cage(order.plan.path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(cage, order.api_key))
    return Serving(f"http://127.0.0.1:{server.server_port}", serve=server.serve_forever)


if __name__ == "__main__":
    run_worker(load)
