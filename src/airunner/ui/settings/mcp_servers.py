"""The MCP servers: how each is, its tools, trying it, changing it, taking it out."""

from __future__ import annotations

import asyncio
import html
import shlex
from collections.abc import Hashable
from functools import partial

from airunner.errors import AiRunnerError
from airunner.events import SetupChanged, ToolServerConnected, ToolServerFailed
from airunner.server.native.mcp_entries import ShownServer
from airunner.server.native.services import Services
from airunner.ui.ask_first import ask_first
from airunner.ui.buttons import word_button
from airunner.ui.notices import tell, tell_problem
from airunner.ui.row_list import RowList
from airunner.ui.rows import Act, Row, Switch
from airunner.ui.settings.mcp_dialog import edit_server

STATES = {
    "disabled": "switched off",
    "wrong": "cannot be used",
    "not used yet": "starts when a conversation needs it",
    "connected": "connected",
    "down": "down",
}
_INTRO = (
    "Programs that bring tools of their own. Conversations keep the tools they began with: a "
    "change is used by those of the next start; Test tries a server now."
)


class McpServerList:
    """The MCP servers of one tab."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tried: dict[str, str] = {}
        self._list = RowList(
            services,
            (SetupChanged, ToolServerConnected, ToolServerFailed),
            self._read,
            search="Search servers",
            empty=f"None yet. They are kept in {services.mcp.path}, in the form that other "
            "programs know.",
            intro=_INTRO,
            buttons=lambda: word_button("Add a server…", self._add, main=True),
        )

    async def _read(self, wanted: str) -> dict[Hashable, Row]:
        servers = await asyncio.to_thread(self._services.mcp.all)
        return {
            each.name: self._row(each)
            for each in servers
            if wanted in f"{each.name} {_how(each)} {' '.join(each.tools)}".casefold()
        }

    def _row(self, server: ShownServer) -> Row:
        name = server.name
        test = Act("Test", f"Test {name}", partial(self._test, name))
        return Row(
            self._as_html(server),
            (
                *((test,) if server.state != "wrong" else ()),
                Act("Edit…", f"Edit {name}", lambda: self._edit(server)),
                Act("Remove…", f"Remove {name}", lambda: self._remove(name)),
            ),
            Switch(f"Use {name}", server.state != "disabled", partial(self._enable, name)),
        )

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
        self._tried[name] = '<span class="what">Starting it…</span>'
        await self._list.refresh()
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
        await self._list.refresh()

    async def _enable(self, name: str, wanted: bool) -> None:
        try:
            await asyncio.to_thread(self._services.mcp.enable, name, wanted)
        except AiRunnerError as error:
            tell_problem(error)
        else:
            verb = "used" if wanted else "not used"
            tell(f"{name} is {verb} from the next start on.")
        await self._list.refresh()

    def _remove(self, name: str) -> None:
        async def remove() -> None:
            await asyncio.to_thread(self._services.mcp.remove, name)

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
        await self._list.refresh()
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
