"""Requests, answers and loads as spans of OpenTelemetry, sent to a collector.

Owns the names and attributes of the spans; nothing that was said is in them. The
libraries are an extra, imported once a server is told where its collector is.

Source of the names: OpenTelemetry's semantic conventions for HTTP and generative AI.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airunner import __version__
from airunner.errors import MissingPackageError
from airunner.events import Event, GenerationFinished, ModelLoaded
from airunner.server.request_log import route_of

_PATH = "/v1/traces"
_NS = 1_000_000_000
Attributes = Mapping[str, str | int | float]


class Tracing:
    """The way to one collector.

    Args:
        url: of the collector, as OTLP over HTTP has it, such as ``http://127.0.0.1:4318``.

    Raises:
        MissingPackageError: the libraries are not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise MissingPackageError("sending traces", "otel") from None
        named = Resource.create({"service.name": "airunner", "service.version": __version__})
        exporter = OTLPSpanExporter(endpoint=url.rstrip("/") + _PATH)
        self._provider = TracerProvider(resource=named)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.tracer = self._provider.get_tracer("airunner.server", __version__)

    def hear(self, event: Event) -> None:
        """Make a span of an answer or a load that has ended. From any thread.

        It belongs to the request that is served where the event is published.
        """
        match event:
            case GenerationFinished():
                self._ended(
                    f"chat {event.model}",
                    event.at_s,
                    event.total_s,
                    {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.provider.name": "airunner",
                        "gen_ai.request.model": event.model,
                        "gen_ai.usage.input_tokens": event.prompt_tokens,
                        "gen_ai.usage.output_tokens": event.completion_tokens,
                        "gen_ai.usage.cache_read.input_tokens": event.cached_tokens,
                        "airunner.time_to_first_token_s": event.ttft_s,
                    },
                )
            case ModelLoaded():
                attributes = {"gen_ai.request.model": event.model, "airunner.device": event.device}
                self._ended(f"load {event.model}", event.at_s, event.load_s, attributes)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _ended(self, name: str, at_s: float, took_s: float, attributes: Attributes) -> None:
        span = self.tracer.start_span(
            name, start_time=int((at_s - took_s) * _NS), attributes=dict(attributes)
        )
        span.end(end_time=int(at_s * _NS))


class Traced:
    """The middleware that makes a span of every request, also of one that is refused."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self._app = app
        self._tracer = tracing.tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request under a span, which goes on where the client's own trace is."""
        from opentelemetry.propagate import extract
        from opentelemetry.trace import SpanKind, Status, StatusCode

        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        with self._tracer.start_as_current_span(
            method,
            context=extract(dict(Headers(scope=scope))),
            kind=SpanKind.SERVER,
            start_time=time.time_ns(),
            attributes={"http.request.method": method, "url.path": scope["path"]},
        ) as span:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= 500:
                        span.set_status(Status(StatusCode.ERROR))
                await send(message)

            try:
                await self._app(scope, receive, sent)
            finally:
                if route := route_of(scope):
                    span.update_name(f"{method} {route}")
                    span.set_attribute("http.route", route)
