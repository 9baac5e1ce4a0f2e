"""What holds for one conversation: who answers, with which tools, thinking or not, told what.

Owns the dialog. What the choices mean is in ``server.native.turn_bodies``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import ui

from airunner.models.spec import ModelCapability, short_name
from airunner.server.native.services import Services
from airunner.server.native.turn_bodies import ALL_TOOLS, ChatOptions
from airunner.ui.buttons import word_button
from airunner.ui.dialog import titled_dialog

_TEAM = ""
_THINKING = {"": "As the model likes", "on": "On", "off": "Off"}
_MODES: dict[bool | None, str] = {None: "", True: "on", False: "off"}


@dataclass(slots=True)
class Choice:
    """What is chosen: the options, and the instructions that a new conversation begins with."""

    options: ChatOptions
    system: str = ""

    def in_words(self) -> str:
        """What is not as usual, in a few words."""
        parts = [short_name(self.options.model)] if self.options.model else []
        if self.options.thinking is not None:
            parts.append("thinking" if self.options.thinking else "no thinking")
        if ALL_TOOLS in self.options.without:
            parts.append("no tools")
        elif self.options.without:
            parts.append(f"without {', '.join(self.options.without)}")
        if self.system:
            parts.append("instructions")
        return " · ".join(parts)


async def choose_options(
    services: Services, now: Choice, is_new: bool, chosen: Callable[[Choice], object]
) -> None:
    """Show the dialog; ``chosen`` hears what holds from the next message on."""
    models = await _models(services)
    agent = await services.core.agent()
    toolset = agent.toolset
    subjects = sorted({toolset.subject_of(tool.name) for tool in toolset} - {""})
    with titled_dialog("For this conversation") as dialog:
        model = ui.select(models, value=now.options.model or _TEAM, label="Model")
        model.props("outlined dense options-dense").classes("wide")
        ui.label("Thinking").classes("caption")
        thinking = ui.toggle(_THINKING, value=_MODES[now.options.thinking])
        thinking.props(
            "no-caps unelevated toggle-color=chosen toggle-text-color=on-chosen"
        ).classes("choices")
        switches = _tool_switches(subjects, now.options)
        if is_new:
            system = ui.textarea("Instructions", value=now.system).props("outlined autogrow dense")
            system.classes("wide")
            ui.label("They come before everything that is said.").classes("hint")
        else:
            ui.label("Instructions belong to the beginning of a conversation.").classes("hint")

        def done() -> None:
            off = [name for name, switch in switches.items() if not switch.value]
            options = ChatOptions(
                model=model.value or None,
                thinking={"on": True, "off": False}.get(thinking.value),
                without=[ALL_TOOLS] if len(off) == len(switches) else off,
            )
            dialog.close()
            chosen(Choice(options, (system.value or "").strip() if is_new else now.system))

        with ui.element("div").classes("buttons"):
            word_button("Use these", done, main=True)
    dialog.open()


def _tool_switches(subjects: Sequence[str], options: ChatOptions) -> dict[str, ui.checkbox]:
    ui.label("Tools that may be used").classes("caption")
    none = ALL_TOOLS in options.without
    with ui.element("div").classes("choices grid"):
        return {
            name: ui.checkbox(name, value=not none and name not in options.without).props("dense")
            for name in subjects
        }


async def _models(services: Services) -> dict[str, str]:
    primary = ModelCapability.PRIMARY_CONVERSATION
    usual = short_name(services.core.resolve(primary).spec.model_path)
    here = [each for each in await services.models.all() if "completion" in each.abilities]
    able = {each.name: short_name(each.name) for each in here if primary in each.spec.capabilities}
    return {_TEAM: f"The team's own ({usual})", **able}
