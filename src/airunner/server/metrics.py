"""Figures of the server for Prometheus.

Owns the names of the metrics and what each counts. They are fed by the runtime's events
and by the requests as they end; what is loaded and who waits is looked up when somebody
asks. Nothing that was said is in them, and no label has more values than there are
models, devices, routes and keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from airunner.events import (
    CacheLost,
    CacheProven,
    Decided,
    Event,
    GenerationFinished,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelReleased,
    ModelRestored,
    ToolCallFinished,
    WorkerDied,
)
from airunner.resources.status import Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_TTFT_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_TOKEN_S = (0.0025, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.2, 0.5, 1)
_LOAD_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_REQUEST_S = (0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300)
_STEPS = ("load", "load_failed", "park", "restore", "release", "died")
_OUTCOMES = ("proven", "lost")
# The beginnings of the scheduler's reasons, which hold names and figures.
_EVICTIONS = (
    ("makes room", "makes_room"),
    ("the user asked", "asked_for"),
    ("the device is over", "over_budget"),
)


Shows = Callable[[Mapping[str, str]], bool]
"""Whether somebody may see a figure with these labels."""


class Metrics:
    """All metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._state = _State()
        self.registry.register(self._state)
        self._tokens = self._counter(
            "tokens", "Tokens: of prompts, of those the ones re-used, and written.", "model", "kind"
        )
        self._ttft = self._histogram(
            "time_to_first_token_seconds", "From asking to the first piece.", _TTFT_S, "model"
        )
        self._inter_token = self._histogram(
            "inter_token_seconds", "Mean time between an answer's tokens.", _TOKEN_S, "model"
        )
        self._loads = self._histogram("load_seconds", "Loads of models.", _LOAD_S, "model")
        self._swaps = self._counter(
            "swaps",
            f"Models in and out: {', '.join(_STEPS)}.",
            "model",
            "step",
        )
        self._moved = self._counter("parked_bytes", "Bytes of state that were parked.", "model")
        self._missing = self._counter(
            "missing_bytes", "Bytes that ended workers did not give back.", "device"
        )
        self._evictions = self._counter("evictions", "Models sent away.", "model", "reason")
        self._refusals = self._counter("refusals", "Requests refused.", "model", "reason")
        self._caches = self._counter(
            "restored_caches",
            "Restored state that served (proven) or not (lost).",
            "model",
            "outcome",
        )
        self._tools = self._counter("tool_calls", "Calls of tools.", "tool", "outcome")
        self._requests = self._counter(
            "http_requests", "Requests answered.", "method", "route", "status", "key"
        )
        self._seconds = self._histogram(
            "http_request_seconds", "Requests, to the end of the answer.", _REQUEST_S, "route"
        )

    def hear(self, event: Event) -> None:
        """Count an event of the runtime. From any thread."""
        match event:
            case GenerationFinished():
                self._generated(event)
            case ModelLoaded():
                self._count_from_zero(event.model)
                self._swaps.labels(event.model, "load").inc()
                self._loads.labels(event.model).observe(event.load_s)
            case ModelLoadFailed():
                self._swaps.labels(event.model, "load_failed").inc()
            case ModelParked():
                self._swaps.labels(event.model, "park").inc()
                self._moved.labels(event.model).inc(event.parked_bytes)
            case ModelRestored():
                self._swaps.labels(event.model, "restore").inc()
            case ModelReleased():
                self._swaps.labels(event.model, "release").inc()
                self._missing.labels(event.device).inc(max(0, event.missing_bytes))
            case WorkerDied():
                self._swaps.labels(event.model, "died").inc()
            case CacheProven():
                self._caches.labels(event.model, "proven").inc()
            case CacheLost():
                self._caches.labels(event.model, "lost").inc()
            case Decided(action="refuse"):
                self._refusals.labels(event.model, event.cause).inc()
            case Decided(action="park") | Decided(action="stop"):
                for beginning, reason in _EVICTIONS:
                    if event.reason.startswith(beginning):
                        self._evictions.labels(event.model, reason).inc()
            case ToolCallFinished():
                self._tools.labels(event.tool, "failed" if event.problem else "done").inc()

    def answered(self, method: str, route: str, status: int, key: str, seconds: float) -> None:
        """Count a request that has ended; ``key`` is the name of its key, empty without one."""
        self._requests.labels(method, route, str(status), key).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, status: Status, waiting: Mapping[str, int], shows: Shows | None = None) -> bytes:
        """Everything, or the figures that ``shows`` lets through, as Prometheus reads it."""
        self._state.status, self._state.waiting = status, waiting
        return generate_latest(_Shown(self.registry, shows) if shows else self.registry)

    def _generated(self, event: GenerationFinished) -> None:
        tokens = self._tokens.labels
        tokens(event.model, "prompt").inc(event.prompt_tokens)
        tokens(event.model, "reused").inc(event.cached_tokens)
        tokens(event.model, "completion").inc(event.completion_tokens)
        self._ttft.labels(event.model).observe(event.ttft_s)
        if event.completion_tokens > 1:
            between_s = event.decode_s / (event.completion_tokens - 1)
            self._inter_token.labels(event.model).observe(between_s)

    def _count_from_zero(self, model: str) -> None:
        # Prometheus sees no increase in a figure that begins with 1.
        for step in _STEPS:
            self._swaps.labels(model, step)
        for _, reason in _EVICTIONS:
            self._evictions.labels(model, reason)
        for outcome in _OUTCOMES:
            self._caches.labels(model, outcome)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"airunner_{name}", about, labels, registry=self.registry)

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"airunner_{name}", about, labels, registry=self.registry, buckets=buckets)


class _Shown(Collector):
    """Some of what another collects."""

    def __init__(self, whole: Collector, shows: Shows) -> None:
        self._whole, self._shows = whole, shows

    def collect(self) -> Iterator[Metric]:
        """The metrics, each with the figures that are shown."""
        for metric in self._whole.collect():
            metric.samples = [s for s in metric.samples if self._shows(s.labels)]
            yield metric


class _State(Collector):
    """What is so now, rather than what has happened."""

    def __init__(self) -> None:
        self.status = Status((), ())
        self.waiting: Mapping[str, int] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        memory = _gauge("model_bytes", "Memory charged for models.", "model", "device", "state")
        measured = _gauge("model_measured_bytes", "Memory as measured.", "model", "device")
        parked = _gauge("model_parked_bytes", "State out of memory.", "model")
        leases = _gauge("leases", "Requests that hold a model.", "model")
        for model in self.status.models:
            memory.add_metric([model.model, model.device, model.state], model.held_bytes)
            parked.add_metric([model.model], model.parked_bytes)
            leases.add_metric([model.model], model.leases)
            if model.measured_bytes is not None:
                measured.add_metric([model.model, model.device], model.measured_bytes)
        device_bytes = _gauge("device_bytes", "Budget, held and lost memory.", "device", "kind")
        for device in self.status.devices:
            device_bytes.add_metric([device.device, "budget"], device.budget_bytes)
            device_bytes.add_metric([device.device, "held"], device.held_bytes)
            device_bytes.add_metric([device.device, "lost"], device.lost_bytes)
        queue = _gauge("queue_length", "Requests that wait.", "model")
        for name, count in self.waiting.items():
            queue.add_metric([name], count)
        yield from (memory, measured, parked, leases, device_bytes, queue)


def _gauge(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"airunner_{name}", about, labels=labels)
