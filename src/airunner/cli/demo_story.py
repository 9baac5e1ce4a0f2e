"""What ``airunner demo`` plays, and what must come of it.

Owns the conversation, the choice of a budget, and the judgement from events
whether the primary really came back with its conversation. Prints nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from airunner.cli.narration import Record
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.config.byte_size import MIB, format_bytes
from airunner.config.settings import Settings
from airunner.devices.device import Device
from airunner.engines.known import known_engines
from airunner.models.spec import ModelCapability, ModelSpec
from airunner.resources.sizing import Sizer

DEMO_SETTINGS = {"context": 4096, "max_tokens": 160}
"""Unless the user says otherwise; the model would go on and on without a limit."""

MARGIN_BYTES = 16 * MIB
"""Room above the largest model; with any other beside it, the budget is missed by far more."""

_NOTES = """\
The lighthouse at the northern cape was built in 1871, after three ships had been lost in a \
single winter. It is a tower of grey granite, thirty-four metres high, on a rock that can be \
reached on foot at low tide only. Its first keeper was a former whaler named Anders Holm. He \
lived there with his wife and four children for thirty-one years and kept a log of the weather, \
of the ships that passed and of the birds that struck the lantern in fog.

Twice a day Holm wrote down the wind, the height of the barometer, the state of the sea and how \
far he could see. In the winter of 1881 he noted that the bay was frozen from shore to shore and \
that the mail came over the ice by sledge. In the spring of 1888 a storm took the boat house and \
all of the stores, and the family lived on fish and on barley bread until June. His daughter \
Ingrid learned to keep the lamp when she was twelve, and kept it alone for nine days when her \
father had broken a leg on the stairs.

The log has more than four thousand pages. It was thought to be lost until a schoolteacher found \
it in an attic in 1998, in three sea chests, wrapped in oilcloth. It has since become one of the \
most valuable records of the climate of that coast. From it researchers have learned that storms \
in spring come twice as often as they did in the time of the keeper, and that the ice in the \
bay, which he recorded every year until 1902, has not been seen for four decades. Ornithologists \
use the lists of birds, in which two species appear that no longer live there.

The light was made automatic in 1964, and the last keeper went ashore. For some years the tower \
stood empty and the rain came in. A society of friends of the lighthouse bought it in 1979 for a \
symbolic price, repaired the roof and the stairs, and opened a small museum, which has about \
nine thousand visitors a year. From May to September one can climb up to the lantern, see the \
old lens of French glass, and read in a copy of the log. In winter the causeway is closed \
because of ice on the steps, and the society prints a calendar to pay for the coal.

The village behind the cape is called Sandvik and has four hundred inhabitants. It lived on \
herring until 1936, when the herring stayed away, and then on granite, which was broken in a \
quarry that one can still see from the tower. The stones of the quay and of the church come from \
there. The church has a ship hanging from its ceiling, a model of the brig Concordia, one of the \
three that were lost in the winter of 1870. On the first Sunday of March a wreath is laid into \
the sea for her crew of eleven men, and the names are read aloud.

The rock itself belongs to the seals. About sixty of them live there, and in June the young lie \
on the south side, which is closed to visitors for five weeks. Eiders breed under the boards of \
the old boat house, and in September the terns gather before they leave for the south. The \
society counts them every year. In 2011 a storm opened a cave below the tower, in which bones of \
walrus were found that are nine thousand years old. They are shown in the museum, beside the \
keeper's barometer, his oilskins, and the slate on which his daughter wrote down the hours of \
the nine nights in which she kept the light alone."""

SYSTEM = (
    f"You are a helpful assistant who answers in one short sentence. You know this:\n\n{_NOTES}"
)

TURNS = (
    "In what year was the lighthouse built? Answer with the year only.",
    "Draw a red circle on a blue background.",
)
"""The last one takes three models: its prompt is enhanced, then drawn, then answered about."""

_FIGURES = {
    "park_s": ("model_parked", EMBEDDED_PRIMARY, "park_s"),
    "stop_s": ("model_released", EMBEDDED_PRIMARY, "stop_s"),
    "specialist_load_s": ("model_loaded", EMBEDDED_SPECIALIST, "load_s"),
    "specialist_stop_s": ("model_released", EMBEDDED_SPECIALIST, "stop_s"),
    "artist_load_s": ("model_loaded", EMBEDDED_ARTIST, "load_s"),
    "draw_s": ("picture_saved", None, "seconds"),
    "artist_stop_s": ("model_released", EMBEDDED_ARTIST, "stop_s"),
    "reload_s": ("model_loaded", EMBEDDED_PRIMARY, "load_s"),
    "restore_s": ("model_restored", EMBEDDED_PRIMARY, "restore_s"),
    "restored_tokens": ("cache_proven", EMBEDDED_PRIMARY, "restored_tokens"),
    "cached_tokens": ("cache_proven", EMBEDDED_PRIMARY, "cached_tokens"),
    "prompt_tokens": ("cache_proven", EMBEDDED_PRIMARY, "prompt_tokens"),
    "ttft_s": ("generation_finished", EMBEDDED_PRIMARY, "ttft_s"),
}
"""Figures of the summary: of which event, the last of its kind, and which of its fields."""

FRANK = (
    "Words and picture are poor: these are models of 135 million parameters and fewer. They show "
    "the machinery, talk no sense and draw nothing but shapes. `airunner plan` shows which team "
    "this machine can run."
)


def use_embedded_team(settings: Settings) -> Settings:
    """Map what the demo needs to the embedded models, in this process only.

    The artist is taken for one that understands more than plain words: that the prompt is
    enhanced is part of what is shown.
    """
    CAPABILITY_TO_MODEL[ModelCapability.PRIMARY_CONVERSATION] = EMBEDDED_PRIMARY
    CAPABILITY_TO_MODEL[ModelCapability.PROMPT_ENHANCEMENT] = EMBEDDED_SPECIALIST
    CAPABILITY_TO_MODEL[ModelCapability.IMAGE_GENERATION] = EMBEDDED_ARTIST
    artist = MODEL_REGISTRY[EMBEDDED_ARTIST]
    if artist.image is not None:
        image = replace(artist.image, plain_words=False)
        MODEL_REGISTRY[EMBEDDED_ARTIST] = replace(artist, image=image)
    chosen = {
        name: value for name, value in DEMO_SETTINGS.items() if settings.origins[name] == "default"
    }
    return settings.replace(primary=None, **chosen)


def demo_models() -> dict[str, ModelSpec]:
    """Who plays, by role, in the order of the budget's table."""
    return {
        "primary": MODEL_REGISTRY[EMBEDDED_PRIMARY],
        "enhancer": MODEL_REGISTRY[EMBEDDED_SPECIALIST],
        "artist": MODEL_REGISTRY[EMBEDDED_ARTIST],
    }


def predict(
    settings: Settings, device: Device, budget_bytes: int, weights: Mapping[str, Path]
) -> dict[str, int]:
    """Bytes each model will take on ``device``, by name."""
    sizer = Sizer((device,), known_engines().planners(settings))
    return {
        name: sizer.size(MODEL_REGISTRY[name], path, {device.id: budget_bytes})
        .estimates[device.id]
        .total_bytes
        for name, path in weights.items()
    }


def tight_budget(predicted: Mapping[str, int]) -> int:
    """A budget that holds each of the models, and no other beside the largest."""
    return max(predicted.values()) + MARGIN_BYTES


@dataclass(slots=True)
class Story:
    """What happened, gathered from events, and what that amounts to."""

    predicted: Mapping[str, int]
    budget_bytes: int
    events: list[Record] = field(default_factory=list)

    def take(self, event: Record) -> None:
        """Note one event."""
        self.events.append(event)

    @property
    def problem(self) -> str:
        """Why the demo did not show what it should; empty if it did."""
        failed = [e for e in self._of("turn_finished") if e["outcome"] != "answered"]
        if failed:
            return f"a turn ended as {failed[0]['outcome']}: {failed[0]['problem']}"
        calls = self._of("tool_call_finished")
        if not calls:
            return "the primary called no tool"
        if calls[-1]["problem"]:
            return str(calls[-1]["problem"])
        for event in self._of("specialist_failed"):
            return f"the prompt could not be enhanced: {event['problem']}"
        if not self._of("picture_saved"):
            return "nothing was drawn"
        if not self._of("model_parked"):
            return "nothing had to leave memory"
        if self.rounds != 1:
            return f"the primary left {self.rounds} times for one picture"
        for event in self._of("cache_lost"):
            return f"the restored cache did not serve: {event['reason']}"
        if not self._of("cache_proven", EMBEDDED_PRIMARY):
            return "the primary did not prove its restored tokens"
        return ""

    @property
    def hindrance(self) -> str:
        """Why it cannot succeed under this budget; empty if it can."""
        all_bytes = sum(self.predicted.values())
        if self.budget_bytes < all_bytes:
            return ""
        return (
            f"nothing has to leave memory: the budget of {format_bytes(self.budget_bytes)} "
            f"holds all models ({format_bytes(all_bytes)})"
        )

    @property
    def rounds(self) -> int:
        """How often the primary was loaded again."""
        return len(self._of("model_loaded", EMBEDDED_PRIMARY)) - 1

    def summary(self) -> dict[str, object]:
        """The figures, JSON-ready; durations in seconds, ``None`` for what did not happen."""
        picture = self._last("picture_saved")
        answer = self._last("turn_finished")
        return {
            "kind": "demo_finished",
            "ok": not self.problem,
            "problem": self.problem,
            "budget_bytes": self.budget_bytes,
            "models": [
                {
                    "model": name,
                    "predicted_bytes": predicted_bytes,
                    "measured_peak_bytes": self._last("model_released", name).get("peak_bytes"),
                }
                for name, predicted_bytes in self.predicted.items()
            ],
            "rounds": self.rounds,
            **{
                figure: self._last(kind, model).get(name)
                for figure, (kind, model, name) in _FIGURES.items()
            },
            "asked": TURNS[-1],
            "drawn_prompt": picture.get("settings", {}).get("prompt"),
            "picture": picture.get("path"),
            "answer": answer.get("text", ""),
            "remark": FRANK,
        }

    def _of(self, kind: str, model: str | None = None) -> list[Record]:
        return [
            e for e in self.events if e["kind"] == kind and (model is None or e["model"] == model)
        ]

    def _last(self, kind: str, model: str | None = None) -> Record:
        found = self._of(kind, model)
        return found[-1] if found else {}
