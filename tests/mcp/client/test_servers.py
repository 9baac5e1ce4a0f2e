"""MCP servers as toolsets: real server processes, one of them from PyPI, one that misbehaves."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("mcp")

from tests.agent.scripted_team import ScriptedTeam, of_kind
from tests.engines.llama_cpp.test_client import ask, loaded

from airunner.agent.loop import AgentLoop
from airunner.agent.tool_call import Outcome
from airunner.agent.tool_calling.prompt import Prompt, Reply
from airunner.agent.tool_calling.tool_block import ToolBlock
from airunner.errors import InvalidToolError
from airunner.events import Event, EventBus, ToolRefused, ToolServerConnected, ToolServerFailed
from airunner.guided.tool_calling import GuidedToolCalling
from airunner.mcp.client.config import read_mcp_config
from airunner.mcp.client.server import McpServer
from airunner.mcp.client.servers import McpServers
from airunner.messages import Message, ToolCall
from airunner.tools.toolset import Toolset

pytestmark = pytest.mark.real

ODD = Path(__file__).with_name("odd_server.py")


class Connected:
    """A configuration's servers, and what the bus heard of them."""

    def __init__(self, folder: Path, servers: dict[str, Any]) -> None:
        file = folder / "mcp.json"
        file.write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")
        self.events: list[Event] = []
        self.logs = folder / "logs"
        config = read_mcp_config(file, origin="test", required=True)
        self.servers = McpServers(config, logs=self.logs, publish=self.events.append)
        self.toolset: Toolset = self.servers.connect()

    def call(self, name: str, timeout_s: float = 60, **arguments: Any) -> Outcome:
        """Call a tool as the agent loop does."""
        loop = AgentLoop(ScriptedTeam([]), self.toolset, bus=EventBus(), tool_timeout_s=timeout_s)
        return asyncio.run(loop.call_tool(name, arguments, max_result_tokens=10**6, by_user=True))

    def answer(self, name: str, **arguments: Any) -> str:
        """The result of a call that must succeed."""
        outcome = self.call(name, **arguments)
        assert not outcome.problem
        return outcome.message.content

    def server(self, number: int = 0) -> McpServer:
        return self.servers._servers[number]


@contextmanager
def connected(folder: Path, **servers: Any) -> Iterator[Connected]:
    connection = Connected(folder, servers)
    try:
        yield connection
    finally:
        connection.servers.close()
    assert not [p for p in psutil.Process().children(recursive=True) if _is_odd(p)]


def _is_odd(process: psutil.Process) -> bool:
    try:
        return str(ODD) in process.cmdline()
    except psutil.NoSuchProcess:
        return False


def odd(folder: Path, **keys: Any) -> dict[str, Any]:
    return {"command": sys.executable, "args": [str(ODD), str(folder / "starts")], **keys}


def starts(folder: Path) -> int:
    return (folder / "starts").read_text().count("start")


def test_a_server_from_pypi_is_used_for_real(tmp_path: Path) -> None:
    time = {"command": sys.executable, "args": ["-m", "mcp_server_time"], "permission": "read"}
    with connected(tmp_path, time=time) as mcp:
        assert mcp.toolset.names == ("time_get_current_time", "time_convert_time")
        tool = mcp.toolset.get("time_convert_time")
        assert tool.permission == "read"
        assert set(tool.parameters["required"]) == {
            "source_timezone", "time", "target_timezone"
        }  # fmt: skip
        said = mcp.answer(
            "time_convert_time",
            source_timezone="Asia/Tokyo",
            time="09:30",
            target_timezone="Asia/Kolkata",
        )
        assert json.loads(said)["time_difference"] == "-3.5h"
        assert "T06:00:00+05:30" in said
        wrong = mcp.call("time_convert_time", source_timezone="Asia/Tokyo")
        assert "time" in wrong.problem
        assert "required" in wrong.problem
        nowhere = mcp.call("time_get_current_time", timezone="Moon/Crater")
        assert "Moon/Crater" in nowhere.problem
        (told,) = of_kind(mcp.events, ToolServerConnected)
        assert (told.server, told.tools) == ("time", 2)


def test_tools_are_named_filtered_bounded_and_what_is_unusable_is_told(tmp_path: Path) -> None:
    servers = {"Odd one": odd(tmp_path, deny=["w*", "die"], env={"ODD": "yes"})}
    with connected(tmp_path, **servers) as mcp:
        assert "Odd_one_echo" in mcp.toolset
        assert "Odd_one_stop_answering" in mcp.toolset
        assert not {"Odd_one_wipe", "Odd_one_die"} & set(mcp.toolset.names)
        refused = {event.tool: event.problem for event in of_kind(mcp.events, ToolRefused)}
        assert len(refused) == 1, "it has a name of which nothing is left"
        tree = {"next": {"next": {}}}
        assert mcp.answer("Odd_one_endless", a=tree) == repr({"a": tree})
        shown = mcp.toolset.get("Odd_one_endless").parameters
        assert shown["$defs"]["node"]["properties"]["next"] == {"$ref": "#/$defs/node"}
        tool = mcp.toolset.get("Odd_one_echo")
        assert tool.permission == "execute", "what a server does is not known, so it is asked about"
        assert tool.description.isprintable()
        assert len(tool.description) <= 400
        assert mcp.answer("Odd_one_echo", text="hello") == "hello yes"
        assert 'not of type "string"' in mcp.call("Odd_one_echo", text=3).problem
    (tmp_path / "second").mkdir()
    with connected(tmp_path / "second", o=odd(tmp_path, allow=["ec*"], deny=["echo"])) as mcp:
        assert mcp.toolset.names == ()


def test_a_guided_model_writes_arguments_within_64_bits(smollm2: Path, tmp_path: Path) -> None:
    """An engine drops such a schema in silence, and the model then writes prose."""
    question = [Message("user", "Move the tape somewhere else.")]

    async def arguments(toolset: Toolset) -> ToolCall:
        step = GuidedToolCalling(toolset, ToolBlock(toolset)).next_step(
            question, may_call=True, again=None, choice="odd_seek"
        )
        assert isinstance(step, Prompt)
        async with loaded(smollm2, tmp_path) as worker:
            answer = await ask(
                worker.model,
                *step.render(question),
                json_schema=step.json_schema,
                max_tokens=step.max_tokens,
            )
        return step.read(Reply(text=answer.text)).calls[0]

    with connected(tmp_path, odd=odd(tmp_path, allow=["seek"])) as mcp:
        call = asyncio.run(arguments(mcp.toolset))
        assert call.arguments.keys() == {"offset"}
        assert isinstance(call.arguments["offset"], int)
        assert mcp.answer(call.name, **call.arguments) == repr(call.arguments)


def test_results_are_text_and_bounded(tmp_path: Path) -> None:
    with connected(tmp_path, odd=odd(tmp_path)) as mcp:
        text = mcp.answer("odd_many")
        assert text.splitlines()[:3] == [
            "one", "[image, image/png, about 300 bytes]", "[resource page: file:///page]"
        ]  # fmt: skip
        assert len(text) < 201_000
        assert text.endswith("[the rest was left out]")
        failed = mcp.call("odd_fail")
        assert failed.problem == "the moon is wrong"
        assert failed.again


def test_a_server_that_dies_is_started_again_and_takes_nobody_along(tmp_path: Path) -> None:
    time = {"command": sys.executable, "args": ["-m", "mcp_server_time"], "permission": "read"}
    with connected(tmp_path, odd=odd(tmp_path), time=time) as mcp:
        died = mcp.call("odd_die")
        assert "The MCP server odd cannot be used: it ended" in died.problem
        assert "may or may not have been carried out" in died.problem
        assert "UTC" in mcp.answer("time_get_current_time", timezone="UTC")
        assert mcp.answer("odd_echo", text="back") == "back"
        assert starts(tmp_path) == 2
        (failed,) = of_kind(mcp.events, ToolServerFailed)
        assert failed.server == "odd"


def test_a_server_that_was_killed_while_idle_is_back_for_the_call_after_next(
    tmp_path: Path,
) -> None:
    with connected(tmp_path, odd=odd(tmp_path)) as mcp:
        (process,) = [p for p in psutil.Process().children(recursive=True) if _is_odd(p)]
        process.kill()
        first = mcp.call("odd_echo", text="x")
        assert first.again, "the model is told that it may try again"
        assert mcp.answer("odd_echo", text="x") == "x"


def test_a_server_that_stays_broken_is_tried_ever_less_often(tmp_path: Path) -> None:
    with connected(tmp_path, odd=odd(tmp_path)) as mcp:
        now = 0.0
        server = mcp.server()
        server._clock = lambda: now
        (tmp_path / "starts.broken").touch()
        mcp.call("odd_die")
        # The first new start comes at once, the second after a second, the third after two.
        for pause in (0.0, 1.0, 2.0, 4.0):
            if pause:
                too_early = mcp.call("odd_echo", text="x")
                assert "can be tried again in" in too_early.problem
                assert not too_early.again
            now += pause
            before = starts(tmp_path)
            down = mcp.call("odd_echo", text="x")
            assert starts(tmp_path) == before + 1
            assert "its last words: I am broken today" in down.problem
        (tmp_path / "starts.broken").unlink()
        now += 60
        assert mcp.answer("odd_echo", text="well") == "well"


def test_a_call_that_hangs_is_given_up_and_the_server_lives_on(tmp_path: Path) -> None:
    with connected(tmp_path, odd=odd(tmp_path)) as mcp:
        slow = mcp.call("odd_hang", timeout_s=3)
        assert "did not finish within 3 s" in slow.problem
        assert (tmp_path / "starts.hung").exists()
        assert mcp.answer("odd_echo", text="x") == "x"
        assert starts(tmp_path) == 1


def test_a_server_that_hangs_altogether_is_replaced(tmp_path: Path) -> None:
    with connected(tmp_path, odd=odd(tmp_path, timeout_s=20)) as mcp:
        told = asyncio.run(_until_lost(mcp))
        assert told.problem == "it no longer answers"
        assert mcp.answer("odd_echo", text="x") == "x"
        assert starts(tmp_path) == 2


async def _until_lost(mcp: Connected) -> ToolServerFailed:
    """Give a call up on a server that is stuck; what the client then finds out about it."""
    lost: asyncio.Future[ToolServerFailed] = asyncio.get_running_loop().create_future()
    loop, server = asyncio.get_running_loop(), mcp.server()

    def heard(event: Event) -> None:
        if isinstance(event, ToolServerFailed):
            loop.call_soon_threadsafe(lost.set_result, event)

    server._publish = heard
    call = asyncio.wrap_future(mcp.servers._loop.submit(server.call("stop answering", {})))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(call, 1)
    return await lost


def test_a_server_that_never_starts_has_no_tools_and_stops_nobody(tmp_path: Path) -> None:
    silent = {
        "command": sys.executable,
        "args": ["-c", "import time; time.sleep(60)"],
        "timeout_s": 2,
    }
    nothing = {"command": str(tmp_path / "no-such-program")}
    nowhere = {"url": "http://127.0.0.1:1/mcp", "timeout_s": 10}
    wrong = {"command": "x", "timeout_s": -1}
    (tmp_path / "starts.broken").touch()
    with connected(
        tmp_path, a=silent, b=nothing, c=nowhere, d=wrong, e=odd(tmp_path), f={"disabled": True}
    ) as mcp:
        assert len(mcp.toolset) == 0
        problems = {event.server: event.problem for event in of_kind(mcp.events, ToolServerFailed)}
    assert set(problems) == {"a", "b", "c", "d", "e"}
    assert "did not start in 2 s" in problems["a"]
    assert "no-such-program" in problems["b"]
    assert "did not start" in problems["c"]
    assert "timeout_s" in problems["d"]
    assert "I am broken today" in problems["e"]


def test_two_servers_cannot_have_one_tool(tmp_path: Path) -> None:
    with connected(
        tmp_path, **{"a b": odd(tmp_path, allow=["echo"]), "a.b": odd(tmp_path, allow=["echo"])}
    ) as mcp:
        assert mcp.toolset.names == ("a_b_echo",)
        (refused,) = of_kind(mcp.events, ToolRefused)
        assert "another server" in refused.problem
    with pytest.raises(InvalidToolError):
        Toolset([*mcp.toolset, *mcp.toolset])


def test_servers_may_have_any_name(tmp_path: Path) -> None:
    long = "io.github.owner/a-very-long-repository-name-of-some-server"
    names = [long, "\u5929\u6c17", "1st", "m (local)"]
    servers = {name: odd(tmp_path, allow=["echo", "stop answering"]) for name in names}
    with connected(tmp_path, **servers) as mcp:
        assert mcp.toolset.subjects == tuple(names)
        assert "mcp_echo" in mcp.toolset
        assert "mcp_1st_echo" in mcp.toolset
        assert "m_local_stop_answering" in mcp.toolset
        cut = mcp.toolset.names[1]
        assert cut.startswith("io_github_owner_a-very-long")
        assert cut.endswith("_stop_answering")
        assert len(cut) == 64
