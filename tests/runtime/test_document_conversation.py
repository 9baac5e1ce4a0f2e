"""A long PDF in a conversation: read, summarised, translated, plotted.

Twice: with the embedded weights for everything, as far as they manage (the tools are
found, the long text is worked through in parts, the files are real), and with scripted
models that call every tool, so that the parts fit together: tools, sandbox and files
are the real ones in both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.agent.scripted_team import ScriptedTeam, of_kind
from tests.toolbox.documents.pdf_file import write_pdf
from tests.toolbox.text.test_text_tools import Specialist

from airunner.agent.conversation import Conversation
from airunner.agent.loop import AgentLoop
from airunner.agent.turn_request import TurnRequest
from airunner.config.settings import Settings
from airunner.events import (
    Event,
    EventBus,
    ToolCallFinished,
    ToolCallStarted,
    ToolProgressed,
    TurnFinished,
)
from airunner.messages import ToolCall
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.records.records import Records
from airunner.runtime import Runtime
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.facilities import Facilities
from airunner.tools.files_folder import FilesFolder
from airunner.tools.permissions import Permissions

YEARS = range(2015, 2025)
PAGES = [
    f"Chapter {number}. In {year} the river Arl rose {number} times above its mark. "
    + "The town measured the water at the old bridge, at the mill and at the harbour. "
    f"The highest mark of {year} was {80 + 7 * number} centimetres. " * 6
    for number, year in enumerate(YEARS, start=1)
]
SCRIPT = """
years = list(range(2015, 2025))
marks = [80 + 7 * n for n in range(1, 11)]
plot("line", years, marks, title="Highest mark of the Arl")
print(max(marks))
"""


class Desk(Specialist):
    """Scripted specialists, and a real folder for pictures."""

    def __init__(self, pictures: Path) -> None:
        super().__init__()
        self.pictures = PicturesFolder(pictures)

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        super().use_specialized_model(capability, prompt, max_tokens)
        if capability is ModelCapability.CODE_GENERATION:
            return f"Run this:\n```python\n{SCRIPT}```"
        if capability is ModelCapability.TRANSLATION:
            return "Le fleuve monte."
        return "The river rises."


def test_every_step_with_scripted_models_and_real_tools(tmp_path: Path) -> None:
    files = FilesFolder(tmp_path / "files")
    write_pdf(files.path / "river.pdf", PAGES, title="The river Arl")
    desk = Desk(tmp_path / "pictures")

    def calls(name: str, **arguments: Any) -> ToolCall:
        return ToolCall("", name, arguments)

    team = ScriptedTeam(
        [
            calls("read_document", file="river.pdf"),
            calls("summarize_document", file="river.pdf", max_sentences=2),
            calls("translate_text", text="The river rises.", target_language="French"),
            calls("generate_code", description="plot the highest marks", language="Python"),
            calls("run_python", code=SCRIPT),
            "The highest mark was 150.",
        ],
        n_ctx=16_384,
    )
    records = Records(tmp_path / "records.sqlite3")
    system: Any = SimpleNamespace()
    loop = AgentLoop(
        team,
        builtin_toolset(),
        bus=EventBus(),
        specialists=desk,
        facilities=Facilities(files, records, system),
        permissions=Permissions([("run_python", "allow")]),
    )
    try:
        events = asyncio.run(_turn(loop, "What does river.pdf say? Summarize, translate, plot."))
    finally:
        records.close()
    done = of_kind(events, ToolCallFinished)
    assert [(e.tool, e.problem) for e in done] == [
        ("read_document", ""),
        ("summarize_document", ""),
        ("translate_text", ""),
        ("generate_code", ""),
        ("run_python", ""),
    ]
    assert "river Arl rose 1 times" in done[0].result
    asked = [prompt for capability, prompt in desk.prompts if "Summarize" in prompt]
    assert len(asked) > 2, "longer than one prompt of the summariser: in parts, then together"
    assert "Chapter 10" in "".join(asked)
    assert done[1].result.startswith("Summary of")
    assert done[2].result == "Le fleuve monte."
    assert "150" in done[4].result
    (chart,) = (tmp_path / "pictures").glob("*.png")
    assert chart.name in done[4].result
    assert chart.read_bytes().startswith(b"\x89PNG")
    assert of_kind(events, TurnFinished)[0].text.strip() == "The highest mark was 150."


def test_with_the_embedded_weights_as_far_as_they_manage(embedded_home: Path) -> None:
    folder = embedded_home / "files"
    folder.mkdir()
    write_pdf(folder / "river.pdf", PAGES[:6], title="The river Arl")
    settings = Settings(home=embedded_home, files=folder, context=2048, max_tokens=24, offline=True)
    events: list[Event] = []
    with Runtime(settings, command="test") as runtime:
        runtime.bus.subscribe(events.append)
        conversation = Conversation.begin()
        for text in ("Summarize river.pdf", "Translate that into French"):
            for _ in runtime.turn(conversation, text):
                pass
        script = {"code": SCRIPT}
        plotted = runtime.call_tool("run_python", script, by_user=True)
    started = of_kind(events, ToolCallStarted)
    assert [e.tool for e in started] == ["summarize_document", "translate_text", "run_python"]
    assert started[0].arguments["file"] == "river.pdf"
    assert started[1].arguments["target_language"] == "French"
    assert [e.problem for e in of_kind(events, ToolCallFinished)] == ["", "", ""]
    parts = [e.text for e in of_kind(events, ToolProgressed) if e.text.startswith("part ")]
    assert parts[0].startswith("part 1 of ")
    summary = of_kind(events, ToolCallFinished)[0].result
    assert "could not be used" not in summary
    assert plotted.problem == ""
    assert [e.outcome for e in of_kind(events, TurnFinished)] == ["answered", "answered"]


async def _turn(loop: AgentLoop, text: str) -> Sequence[Event]:
    return [event async for event in loop.run(Conversation.begin(), TurnRequest(text))]
