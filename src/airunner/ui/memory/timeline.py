"""The memory of the last minutes as a picture: for each device, who held how much of it when."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from airunner.config.byte_size import format_bytes
from airunner.models.spec import short_name
from airunner.runtime.timeline import KEPT_S, Sample

WIDTH, HEIGHT = 900.0, 120.0


LEAST_S = 60.0
"""The shortest time that is drawn, in seconds."""


def drawn_since(samples: Sequence[Sample], now_s: float) -> float:
    """Where the picture begins: with the first sample, but at most as long ago as is kept."""
    first = samples[0].at_s if samples else now_s
    return max(now_s - KEPT_S, min(first, now_s - LEAST_S))


def timeline_svg(
    device: str, samples: Sequence[Sample], since_s: float, now_s: float, colour: Mapping[str, str]
) -> str:
    """Bytes over time as stacked steps, up to the device's budget, or less where little is held.

    ``samples`` are in order, each holds until the next; ``colour`` is the class of each model.
    """
    spans = list(_spans(samples, since_s, now_s))
    budget = max(
        (d.budget_bytes for s in samples for d in s.devices if d.device == device), default=0
    )
    most = max((_all_held(sample, device) for sample, _, _ in spans), default=0)
    height = budget if most > budget / 2 else most * 2 or budget
    models = [m for m in colour if any(_held(s, device, m) for s, _, _ in spans)]
    areas = []
    for place, model in enumerate(models):
        below = models[:place]
        points_up, points_down = [], []
        for sample, x0, x1 in spans:
            base = sum(_held(sample, device, each) for each in below)
            top = base + _held(sample, device, model)
            for x in (x0, x1):
                points_up.append(f"{x:.1f},{_y(top, height):.1f}")
                points_down.append(f"{x:.1f},{_y(base, height):.1f}")
        points = " ".join([*points_up, *reversed(points_down)])
        areas.append(
            f'<polygon class="{colour[model]}" points="{points}">'
            f"<title>{html.escape(short_name(model))}</title></polygon>"
        )
    waits = "".join(
        f'<rect class="waited" x="{x0:.1f}" y="0" width="{x1 - x0:.1f}" height="3">'
        f"<title>{sample.waiting} waiting</title></rect>"
        for sample, x0, x1 in spans
        if sample.waiting
    )
    minutes = max(1, round((now_s - since_s) / 60))
    words = f"Memory of {device} in the last {minutes} minutes, up to {format_bytes(height)}"
    return (
        f'<figure class="timeline"><svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}"'
        f' preserveAspectRatio="none" role="img" aria-label="{html.escape(words)}">'
        f"{''.join(areas)}{waits}</svg><figcaption><span>{minutes} min ago</span>"
        f"<span>now</span></figcaption></figure>"
    )


def _spans(
    samples: Sequence[Sample], since_s: float, now_s: float
) -> Iterable[tuple[Sample, float, float]]:
    """Each sample with where it begins and ends in the picture."""
    scale = WIDTH / max(1e-9, now_s - since_s)
    ends = [*(each.at_s for each in samples[1:]), now_s]
    for sample, end in zip(samples, ends, strict=True):
        x0, x1 = (max(0.0, (at - since_s) * scale) for at in (sample.at_s, end))
        if x1 > 0:
            yield sample, x0, x1


def _held(sample: Sample, device: str, model: str) -> int:
    return sum(m.held_bytes for m in sample.models if m.model == model and m.device == device)


def _all_held(sample: Sample, device: str) -> int:
    return sum(m.held_bytes for m in sample.models if m.device == device)


def _y(n_bytes: int, height: int) -> float:
    return HEIGHT * (1 - min(1.0, n_bytes / max(1, height)))
