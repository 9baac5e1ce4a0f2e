"""``airunner top``: what the server does now, from its own figures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from airunner.cli.flags import EXIT_FAILED
from airunner.cli.streams import complain, say
from airunner.config.settings import Settings
from airunner.durations import format_seconds

if TYPE_CHECKING:
    from rich.console import Group

    from airunner.runtime.presence import Presence

_ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure of a server. ``name`` is without the common beginning."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(slots=True)
class ModelFigures:
    """One model. Bytes and seconds; ``tokens_s`` is tokens written a second, lately."""

    state: str = ""
    device: str = ""
    held_bytes: int = 0
    parked_bytes: int = 0
    leases: int = 0
    waiting: int = 0
    tokens: dict[str, float] = field(default_factory=dict)
    first_token_s: float | None = None
    between_s: float | None = None
    tokens_s: float = 0.0


def top(
    settings: Settings,
    interval: Annotated[
        float, typer.Option(metavar="SECONDS", help="how often it is looked at", min=0.1)
    ] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="show it once and end")] = False,
) -> None:
    """Watch the server: models, memory, who waits, how fast."""
    from rich.live import Live

    from airunner.cli.console import out
    from airunner.runtime.presence import find_server

    server = find_server(settings.home)
    if server is None:
        complain(f"no server runs for {settings.home}; `airunner serve` starts one")
        raise typer.Exit(EXIT_FAILED)
    views = _views(server, interval)
    console, first = out(), next(views, None)
    if first is None:
        complain(f"the server at {server.url} does not answer")
        raise typer.Exit(EXIT_FAILED)
    if once or not console.is_terminal:
        console.print(first)
        return
    with Live(first, console=console, auto_refresh=False) as live:
        for view in views:
            live.update(view, refresh=True)
    say("the server has ended")


def models_in(samples: Iterable[Sample]) -> dict[str, ModelFigures]:
    """The figures by model."""
    found: dict[str, ModelFigures] = {}
    sums: dict[tuple[str, str], float] = {}
    for sample in samples:
        if (name := sample.labels.get("model")) is None:
            continue
        model = found.setdefault(name, ModelFigures())
        match sample.name:
            case "model_bytes":
                model.state, model.device = sample.labels["state"], sample.labels["device"]
                model.held_bytes = int(sample.value)
            case "model_parked_bytes":
                model.parked_bytes = int(sample.value)
            case "leases":
                model.leases = int(sample.value)
            case "queue_length":
                model.waiting = int(sample.value)
            case "tokens_total":
                model.tokens[sample.labels["kind"]] = sample.value
            case _:
                sums[sample.name, name] = sample.value
    for name, model in found.items():
        model.first_token_s = _mean(sums, "time_to_first_token_seconds", name)
        model.between_s = _mean(sums, "inter_token_seconds", name)
    return found


def _mean(sums: Mapping[tuple[str, str], float], figure: str, model: str) -> float | None:
    count = sums.get((f"{figure}_count", model), 0.0)
    return sums[f"{figure}_sum", model] / count if count else None


def _views(server: Presence, interval_s: float) -> Iterator[Group]:
    """What to show, again and again, until the server ends."""
    import httpx

    key = {"Authorization": f"Bearer {server.key}"}
    before: dict[str, ModelFigures] = {}
    before_s = 0.0
    with httpx.Client(base_url=server.url, headers=key, timeout=_ASK_S, trust_env=False) as client:
        while True:
            try:
                response = client.get("/metrics")
                response.raise_for_status()
            except httpx.HTTPError:
                return
            samples = _samples(response.text)
            models, now_s = models_in(samples), time.monotonic()
            for name, model in models.items():
                earlier = before.get(name, model).tokens.get("completion", 0.0)
                written = model.tokens.get("completion", 0.0) - earlier
                model.tokens_s = written / (now_s - before_s)
            yield _view(server.url, samples, models)
            before, before_s = models, now_s
            time.sleep(interval_s)


def _samples(text: str) -> list[Sample]:
    from prometheus_client.parser import text_string_to_metric_families

    return [
        Sample(sample.name.removeprefix("airunner_"), sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _view(url: str, samples: list[Sample], models: Mapping[str, ModelFigures]) -> Group:
    from rich.console import Group
    from rich.text import Text

    from airunner.cli.whole_words import columns
    from airunner.config.byte_size import format_bytes

    total: dict[str, float] = {}
    devices: dict[str, dict[str, int]] = {}
    for sample in samples:
        total[sample.name] = total.get(sample.name, 0.0) + sample.value
        if sample.name == "device_bytes":
            kinds = devices.setdefault(sample.labels["device"], {})
            kinds[sample.labels["kind"]] = int(sample.value)
    answered = total.get("http_requests_total", 0)
    lines = [Text(f"{url}: {answered:.0f} requests, {total.get('refusals_total', 0):.0f} refused")]
    lines += [
        Text(f"{name}: {format_bytes(kinds['held'])} of {format_bytes(kinds['budget'])} in use")
        for name, kinds in devices.items()
    ]
    right = ("Memory", "Parked", "Use", "Wait", "Tok/s", "Re-used", "First", "Each")
    table = columns("Model", "State", *right, right=right)
    for name, model in models.items():
        prompt, reused = model.tokens.get("prompt", 0.0), model.tokens.get("reused", 0.0)
        table.add_row(
            name,
            model.state,
            format_bytes(model.held_bytes) if model.held_bytes else "-",
            format_bytes(model.parked_bytes) if model.parked_bytes else "-",
            str(model.leases),
            str(model.waiting),
            f"{model.tokens_s:.1f}",
            f"{reused / prompt:.0%}" if prompt else "-",
            "-" if model.first_token_s is None else format_seconds(model.first_token_s),
            "-" if model.between_s is None else format_seconds(model.between_s),
        )
    return Group(*lines, table if models else Text("No model is loaded."))
