"""What whoever runs a server sees of it: health, figures, and the log."""

from __future__ import annotations

import gzip
import json
import logging
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.parser import text_string_to_metric_families
from tests.server.access.conftest import RunningServer, start_server, stop_server
from typer.testing import CliRunner

from airunner.cli.app import app
from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY
from airunner.events import (
    Decided,
    GenerationFinished,
    ModelLoaded,
    ModelParked,
    ModelReleased,
)
from airunner.resources.status import DeviceStatus, ModelStatus, Status
from airunner.server.metrics import Metrics
from airunner.server.request_log import JsonLines

pytestmark = pytest.mark.real

SECRET = "xylophone"
CHAT = {
    "model": "airunner",
    "messages": [{"role": "user", "content": f"Say {SECRET}."}],
    "max_tokens": 8,
    "ignore_eos": True,
}
Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


def figures(text: str) -> Figures:
    """Every sample by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figure(found: Figures, name: str, **labels: str) -> float:
    return found.get((f"airunner_{name}", frozenset(labels.items())), 0.0)


def test_events_become_figures() -> None:
    metrics = Metrics()
    generated = {"turn": "t", "conversation": "c", "finish_reason": "stop", "total_s": 2.0}
    metrics.hear(
        GenerationFinished(
            model="m",
            prompt_tokens=100,
            cached_tokens=90,
            completion_tokens=11,
            ttft_s=0.3,
            decode_s=1.0,
            **generated,
        )
    )
    for action, reason, cause in (
        ("refuse", "too large", "does_not_fit"),
        ("park", "makes room for x, which needs 5 bytes", ""),
        ("stop", "the device is over its budget", ""),
        ("park", "the user asked for it", ""),
    ):
        metrics.hear(Decided(action=action, model="m", device="cpu", reason=reason, cause=cause))
    metrics.hear(
        ModelParked(model="m", conversations=1, tokens=9, parked_bytes=77, park_s=0.1, tier="ram")
    )
    metrics.hear(
        ModelReleased(model="m", device="cpu", released_bytes=5, missing_bytes=3, stop_s=0.1)
    )
    status = Status(
        (DeviceStatus("cpu", 1000, 600, 0),),
        (ModelStatus("m", "busy", "cpu", 600, 590, 77, 2, False, 1, 512),),
    )
    metrics.answered("POST", "/v1/x", 200, "ann", 0.2)
    found = figures(metrics.text(status, {"m": 4}).decode())
    assert figure(found, "tokens_total", model="m", kind="prompt") == 100
    assert figure(found, "tokens_total", model="m", kind="reused") == 90
    assert figure(found, "tokens_total", model="m", kind="completion") == 11
    assert figure(found, "time_to_first_token_seconds_sum", model="m") == 0.3
    assert figure(found, "inter_token_seconds_sum", model="m") == 0.1
    assert figure(found, "refusals_total", model="m", reason="does_not_fit") == 1
    for reason in ("makes_room", "over_budget", "asked_for"):
        assert figure(found, "evictions_total", model="m", reason=reason) == 1
    assert figure(found, "parked_bytes_total", model="m") == 77
    assert figure(found, "missing_bytes_total", device="cpu") == 3
    assert figure(found, "model_bytes", model="m", device="cpu", state="busy") == 600
    assert figure(found, "device_bytes", device="cpu", kind="budget") == 1000
    assert figure(found, "leases", model="m") == 2
    assert figure(found, "queue_length", model="m") == 4
    labels = {"method": "POST", "route": "/v1/x", "status": "200", "key": "ann"}
    assert figure(found, "http_requests_total", **labels) == 1


def test_what_is_loaded_is_counted_from_zero() -> None:
    metrics = Metrics()
    metrics.hear(
        ModelLoaded(
            model="m",
            device="cpu",
            predicted_bytes=1,
            measured_bytes=None,
            load_s=1.0,
            n_ctx=1,
            n_threads=1,
            pid=1,
        )
    )
    found = figures(metrics.text(Status((), ()), {}).decode())
    for name, label, value in (
        ("swaps_total", "step", "park"),
        ("evictions_total", "reason", "makes_room"),
        ("restored_caches_total", "outcome", "lost"),
    ):
        # An increase from nothing to 1 would be none.
        assert found[f"airunner_{name}", frozenset({"model": "m", label: value}.items())] == 0


def test_it_lives_and_is_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_it_is_not_ready_without_weights(empty_home: Path) -> None:
    server = start_server(empty_home)
    try:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.get("/healthz").status_code == 200
            response = client.get("/readyz")
            assert response.status_code == 503
            assert "models pull" in response.json()["problem"]
    finally:
        stop_server(server)


def test_an_answer_is_counted_once_with_its_tokens(
    client: httpx.Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    client.get("/api/v1/models").raise_for_status()
    before = figures(client.get("/metrics").text)
    native = {"method": "GET", "route": "/api/v1/models", "status": "200", "key": ""}
    assert figure(before, "http_requests_total", **native) >= 1
    usage = client.post("/v1/chat/completions", json=CHAT).json()["usage"]
    with client.stream("POST", "/v1/chat/completions", json={**CHAT, "stream": True}) as response:
        response.read()
    after: Figures = {}

    def grew(name: str, **labels: str) -> float:
        return figure(after, name, **labels) - figure(before, name, **labels)

    def are_both_counted() -> bool:
        after.update(figures(client.get("/metrics").text))
        return grew("http_requests_total", **route) == 2

    route = {"method": "POST", "route": "/v1/chat/completions", "status": "200", "key": ""}
    eventually(are_both_counted)  # which they are when they have been sent
    model = EMBEDDED_PRIMARY
    assert grew("tokens_total", model=model, kind="completion") == 16
    assert grew("tokens_total", model=model, kind="prompt") == 2 * usage["prompt_tokens"]
    assert grew("tokens_total", model=model, kind="reused") >= usage["prompt_tokens"] - 1
    assert grew("time_to_first_token_seconds_count", model=model) == 2
    assert grew("inter_token_seconds_count", model=model) == 2
    assert figure(after, "model_bytes", model=model, device="cpu", state="ready") > 0
    assert figure(after, "swaps_total", model=model, step="load") == 1


def test_top_shows_the_same(server: RunningServer, client: httpx.Client) -> None:
    client.post("/v1/chat/completions", json=CHAT).raise_for_status()
    result = CliRunner().invoke(app, ["top", "--once", "--home", str(server.home)])
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert server.url in shown
    assert "ready" in shown
    assert re.search(r"\d+% [\d.]+ m?s [\d.]+ m?s", shown)


def test_top_without_a_server_says_so(empty_home: Path) -> None:
    result = CliRunner().invoke(app, ["top", "--home", str(empty_home)])
    assert result.exit_code == 1
    assert "airunner serve" in result.stderr


def test_what_others_send_makes_no_labels(client: httpx.Client) -> None:
    for number in range(3):
        client.get(f"/strange-{number}")
        client.request(f"STRANGE{number}", "/healthz")
        client.get(f"/v1/models/strange-{number}")
    assert "strange" not in client.get("/metrics").text.lower()


def test_what_is_refused_before_its_route_counts_for_it(
    client: httpx.Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    other = {"Host": "b.example"}
    expected = set()
    for method, path, route, headers in (
        ("GET", "/api/v1/models", "/api/v1/models", {"Origin": "https://b.example"}),
        ("POST", "/v1/chat/completions", "/v1/chat/completions", other),
        ("DELETE", "/api/v1/conversations/x", "/api/v1/conversations/{id}", other),
        ("PATCH", "/v1/messages", "/v1/messages", {}),
        ("GET", "/chat", "/chat", other),
        ("POST", "/nothing", "other", other),
    ):
        status = str(client.request(method, path, headers=headers).status_code)
        assert status == ("403" if headers else "405")
        labels = {"method": method, "route": route, "status": status, "key": ""}
        expected.add(("airunner_http_requests_total", frozenset(labels.items())))
    # Counted when they have been sent.
    eventually(lambda: expected <= figures(client.get("/metrics").text).keys())


def test_every_answer_has_an_id_and_a_clients_own_is_kept(client: httpx.Client) -> None:
    assert len(client.get("/healthz").headers["x-request-id"]) == 32
    given = client.get("/healthz", headers={"X-Request-ID": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    odd = client.get("/healthz", headers={"X-Request-ID": 'a"b c'})
    assert odd.headers["x-request-id"] != 'a"b c'
    assert "x-request-id" in client.get("/healthz", headers={"Host": "evil.example"}).headers


class Collector(BaseHTTPRequestHandler):
    """Keeps the spans it is sent."""

    spans: ClassVar[list[Span]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        sent = ExportTraceServiceRequest.FromString(body)
        for resource in sent.resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


TRACE = "0af7651916cd43dd8448eb211c80319c"


def log_of(home: Path, *flags: str) -> list[dict[str, object]]:
    server: RunningServer = start_server(home, *flags)
    head = {"X-Request-ID": "mine", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with httpx.Client(base_url=server.url, timeout=300, trust_env=False) as client:
        client.post("/v1/chat/completions", json=CHAT, headers=head).raise_for_status()
        client.post("/v1/chat/completions", json={**CHAT, "model": "unknown"})
    return [json.loads(line) for line in stop_server(server).splitlines()]


@pytest.fixture(scope="module")
def watched(make_home: Callable[[], Path]) -> tuple[list[dict[str, object]], list[Span]]:
    """The log and the spans of a server that was asked twice."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{collector.server_port}"
        lines = log_of(make_home(), "--log-requests", "--otlp", url)
        collector.shutdown()
    return lines, Collector.spans


def test_the_log_has_requests_and_not_what_was_said(
    watched: tuple[list[dict[str, object]], list[Span]],
) -> None:
    lines, _ = watched
    told = [line for line in lines if line["logger"] == "airunner.server.requests"]
    assert [(line["status"], line["path"]) for line in told] == [
        (200, "/v1/chat/completions"),
        (404, "/v1/chat/completions"),
    ]
    assert told[0]["request"] == "mine"
    assert SECRET not in json.dumps(lines)


def test_the_log_has_prompts_where_that_is_asked_for(embedded_home: Path) -> None:
    lines = log_of(embedded_home, "--log-prompts")
    assert [SECRET in str(line["body"]) for line in lines if "body" in line] == [True, True]


def test_a_line_of_the_log_is_json_whatever_is_in_it() -> None:
    record = logging.makeLogRecord({"msg": "a\n%s", "args": ("b",), "path": Path("x"), "n": 1})
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "a\nb"
    assert json.loads(line)["path"] == "x"


def test_traces_go_on_where_the_clients_own_are_and_hold_nothing_said(
    watched: tuple[list[dict[str, object]], list[Span]],
) -> None:
    _, told = watched
    spans = {span.name: span for span in told}
    (request,) = (
        span
        for span in told
        if span.name == "POST /v1/chat/completions" and span.trace_id.hex() == TRACE
    )
    answer = spans[f"chat {EMBEDDED_PRIMARY}"]
    assert f"load {EMBEDDED_PRIMARY}" in spans
    assert answer.trace_id.hex() == TRACE
    assert answer.parent_span_id == request.span_id
    facts = {each.key: each.value for each in answer.attributes}
    assert facts["gen_ai.usage.output_tokens"].int_value == 8
    assert SECRET not in str(told)
