"""The MCP servers: how each is, its tools, trying it, changing it, taking it out."""

from __future__ import annotations

import asyncio
import html
import shlex

from nicegui import ui

from airunner.errors import AiRunnerError
from airunner.events import ToolServerConnected, ToolServerFailed
from airunner.server.native.mcp_entries import ShownServer
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.notices import tell, tell_problem
from airunner.ui.parts import search_field
from airunner.ui.settings.mcp_dialog import edit_server
from airunner.ui.window import on_events

STATES = {
    "disabled": "switched off",
    "wrong": "cannot be used",
    "not used yet": "starts when a conversation needs it",
    "connected": "connected",
    "down": "down",
}
_MANY = 8


class McpServerList:
    """The MCP servers of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tried: dict[str, str] = {}
        ui.label(
            "Programs that bring tools of their own. Conversations keep the tools they began with: "
            "a change is used by those of the next start; Test tries a server now."
        ).classes("intro")
        self._field = search_field("Search servers", self.refresh)
        self._field.set_visibility(False)
        self._shown = ui.element("div").classes("subjects")
        word_button("Add a server…", self._add, main=True).classes("below")
        on_events(services.core.bus, (ToolServerConnected, ToolServerFailed), self.refresh)
        ui.timer(0.02, self.refresh, once=True)

    async def refresh(self) -> None:
        """Show the servers as they are."""
        problem, servers = "", []
        try:
            servers = await asyncio.to_thread(self._services.mcp.all)
        except AiRunnerError as error:
            problem = str(error)
        if self._shown.is_deleted:
            return
        self._field.set_visibility(len(servers) >= _MANY)
        wanted = (self._field.value or "").casefold()
        self._shown.clear()
        with self._shown:
            if problem:
                ui.label(problem).classes("wrong").props('role="alert"')
            elif not servers:
                ui.label(
                    f"None yet. They are kept in {self._services.mcp.path}, in the form that other "
                    "programs know."
                ).classes("hint")
            for server in servers:
                if wanted in f"{server.name} {_how(server)} {' '.join(server.tools)}".casefold():
                    self._row(server)

    def _row(self, server: ShownServer) -> None:
        name = server.name

        def named(button: ui.button, words: str) -> None:
            button.props["aria-label"] = f"{words} {name}"

        with ui.element("div").classes("setting server"):
            facts = ui.html(self._as_html(server), sanitize=False).classes("facts")
            with ui.element("div").classes("acts"):
                switch = ui.switch(value=server.state != "disabled").props("dense")
                switch.props["aria-label"] = f"Use {name}"
                switch.on_value_change(lambda event: self._enable(name, bool(event.value)))
                if server.state != "wrong":

                    async def test() -> None:
                        self._tried[name] = '<span class="what">Starting it…</span>'
                        facts.set_content(self._as_html(server))
                        await self._test(name)
                        if not facts.is_deleted:
                            facts.set_content(self._as_html(server))

                    named(word_button("Test", test), "Test")
                named(word_button("Edit…", lambda: self._edit(server)), "Edit")
                named(word_button("Remove…", lambda: self._remove(name)), "Remove")

    def _as_html(self, server: ShownServer) -> str:
        state = STATES[server.state]
        if server.pending and server.state in ("connected", "down"):
            state += ", changed from the next start on"
        elif server.pending and server.state == "not used yet":
            state = "used from the next start on"
        problem = f'<span class="wrong">{html.escape(server.problem)}</span>'
        tools = ", ".join(map(html.escape, server.tools))
        return (
            f'<span class="name">{html.escape(server.name)}</span>'
            f'<span class="value is-{server.state.replace(" ", "-")}">{state}</span>'
            f'<span class="what"><code>{html.escape(_how(server))}</code></span>'
            + (problem if server.problem else "")
            + (_tools(len(server.tools), tools) if tools else "")
            + self._tried.get(server.name, "")
        )

    async def _test(self, name: str) -> None:
        try:
            found = await self._services.mcp.probe(name)
        except AiRunnerError as error:
            self._tried[name] = f'<span class="wrong">{html.escape(str(error))}</span>'
        else:
            works = bool(found.tools) or not found.problems
            tools = ", ".join(map(html.escape, found.tools)) or "none"
            problems = "".join(
                f'<span class="wrong">{html.escape(each)}</span>' for each in found.problems
            )
            words = f'<span class="what good">It works. Its tools: {tools}.</span>'
            self._tried[name] = (words if works else "") + problems

    async def _enable(self, name: str, wanted: bool) -> None:
        try:
            await asyncio.to_thread(self._services.mcp.enable, name, wanted)
        except AiRunnerError as error:
            tell_problem(error)
        else:
            verb = "used" if wanted else "not used"
            tell(f"{name} is {verb} from the next start on.")
        await self.refresh()

    def _remove(self, name: str) -> None:
        async def remove() -> None:
            await asyncio.to_thread(self._services.mcp.remove, name)
            await self.refresh()

        words = (
            f"{name} and what is written about it, its keys too, are taken out of "
            f"{self._services.mcp.path.name}."
        )
        ask_first("Remove this server?", words, "Remove", remove)

    def _add(self) -> None:
        edit_server(self._services, None, self._changed)

    def _edit(self, server: ShownServer) -> None:
        edit_server(self._services, server, self._changed)

    async def _changed(self, name: str) -> None:
        self._tried.pop(name, None)
        await self.refresh()
        tell(f"{name} is written to {self._services.mcp.path.name}. Test tries it now.")


def _how(server: ShownServer) -> str:
    entry = server.entry
    if entry.get("url"):
        return str(entry["url"])
    arguments = entry.get("args", [])
    words = arguments if isinstance(arguments, list) else []
    return shlex.join(map(str, [entry.get("command", ""), *words]))


def _tools(count: int, names: str) -> str:
    words = f"{count} tool{'s' * (count != 1)}"
    return f'<details class="what"><summary>{words}</summary><p>{names}</p></details>'
