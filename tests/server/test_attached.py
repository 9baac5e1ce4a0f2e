"""Programs while a server runs: they use its models, and load none of their own."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psutil
import pytest
from tests.children import Children
from tests.conftest import wait_until
from tests.server.conftest import Server, serving

from airunner.agent.conversation import Conversation
from airunner.agent.conversation_saver import ConversationSaver
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, EMBEDDED_PRIMARY
from airunner.components.llm.config.model_capabilities import EMBEDDED_SPECIALIST as SPECIALIST
from airunner.config.settings import Settings
from airunner.errors import (
    ContextOverflowError,
    ServerGoneError,
    SettingsError,
    UnknownModelError,
    UnknownToolError,
    UnsuitedModelError,
)
from airunner.events import Event, SpecialistFailed, TextStreamed, TurnFinished
from airunner.models.spec import ModelCapability
from airunner.records.records import Records
from airunner.resources.status import ModelStatus
from airunner.runtime.attached import AttachedHandle, AttachedRuntime
from airunner.runtime.attaching import attach
from airunner.runtime.home import records_file

PRIMARY = ModelCapability.PRIMARY_CONVERSATION
SUMMARY = ModelCapability.SUMMARIZATION


@contextmanager
def attached(home: Path, **flags: object) -> Iterator[AttachedRuntime]:
    runtime = attach(Settings.load({"home": home, **flags}, environ={}))
    assert runtime is not None
    with runtime:
        yield runtime


@contextmanager
def loads_nothing() -> Iterator[None]:
    """Whatever runs during the body, no worker belongs to another process than a server."""
    seen: set[int] = set()
    ended = threading.Event()
    started = Children()

    def watch() -> None:
        while not ended.wait(0.02):
            for pid in started():
                try:
                    child = psutil.Process(pid)
                    is_worker = any("llama_cpp.worker" in word for word in child.cmdline())
                    is_served = any("serve" in each.cmdline() for each in child.parents())
                except psutil.Error:
                    continue
                if is_worker and not is_served:
                    seen.add(pid)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()
    assert seen == set()


def test_run_answers_from_the_server(server: Server) -> None:
    with loads_nothing():
        done = server.airunner("run", "summarization", "The sea is blue.", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["model"], bool(answer["text"])) == (SPECIALIST, True)


def test_a_piped_chat_is_held_by_the_server_and_saved(server: Server) -> None:
    with loads_nothing():
        done = server.airunner("chat", "--json", "--max-tokens", "8", said="Hello!\nHow are you?\n")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    finished = [e for e in events if e["kind"] == "turn_finished"]
    assert [e["outcome"] for e in finished] == ["answered", "answered"]
    generations = [e for e in events if e["kind"] == "generation_finished"]
    assert generations[-1]["cached_tokens"] > 20  # its own conversation is still in the slot
    assert all(e["completion_tokens"] <= 8 for e in generations)
    rows = server.airunner("conversations", "list", "--json").stdout
    listed = json.loads(rows)["conversations"]
    shown = json.loads(server.airunner("conversations", "show", listed[0]["id"], "--json").stdout)
    assert [m["role"] for m in shown["messages"]] == ["user", "assistant"] * 2
    assert shown["messages"][-1]["content"].strip() == finished[-1]["text"].strip()


def test_another_model_answers_one_program_alone(server: Server, smollm2_q8: Path) -> None:
    with attached(server.home) as runtime:
        (added,) = runtime.catalogue.add(str(smollm2_q8), "the other", [PRIMARY])
        try:
            assert runtime.resolve(PRIMARY).spec.model_path == added["name"]
            said = f"/model {EMBEDDED_PRIMARY.lower()}\n/model\nHello!\n/model nobody\n"
            done = server.airunner("chat", "--json", "--max-tokens", "4", said=said)
            events = [json.loads(line) for line in done.stdout.splitlines()]
            asked = [e["model"] for e in events if e["kind"] == "generation_finished"]
            assert asked == [EMBEDDED_PRIMARY], done.stderr
            assert f"{EMBEDDED_PRIMARY} answers from now on." in done.stderr
            assert f"{EMBEDDED_PRIMARY} answers.\n" in done.stderr
            assert "No model named 'nobody'" in done.stderr
            assert runtime.resolve(PRIMARY).spec.model_path == added["name"]
            once = server.airunner("run", "primary", "Hi", "--primary", "smollm2")
            assert (once.returncode, "`airunner chat -p TEXT --primary" in once.stderr) == (2, True)
            with pytest.raises(UnsuitedModelError, match="does not hold conversations"):
                runtime.choose_primary("shapes-64")
        finally:
            runtime.catalogue.remove(added["name"])


def test_looking_commands_tell_of_the_server(server: Server) -> None:
    with attached(server.home) as runtime:
        assert runtime.use_specialized_model(SUMMARY, "The sea.", 4)
    (run,) = json.loads(server.airunner("ps", "--json").stdout)["processes"]
    assert run["pid"] == server.process.pid
    assert SPECIALIST in {m["model"] for m in run["models"]}
    explained = json.loads(server.airunner("explain", "--json").stdout)["runs"][0]
    assert explained["command"] == "airunner serve"
    assert any(e["kind"] == "decided" for e in explained["timeline"])
    listed = json.loads(server.airunner("models", "list", "--json").stdout)
    assert {m["model"] for m in listed["models"] if m["here"]} >= {EMBEDDED_PRIMARY, SPECIALIST}
    shown = server.airunner("models", "show", SPECIALIST)
    assert shown.returncode == 0, shown.stderr
    assert "600 MB" in shown.stdout  # the server's budget, not this machine's
    planned = server.airunner("plan", "--json")
    assert json.loads(planned.stdout)["budget_bytes"] == 600_000_000


def test_what_cannot_hold_is_said_in_one_line(server: Server) -> None:
    flags = ("--max-memory", "50MB", "--context", "2048")
    done = server.airunner("run", "summarization", "The sea.", "--max-tokens", "4", *flags)
    assert done.returncode == 0
    assert done.stdout.strip()
    (line,) = [text for text in done.stderr.splitlines() if "is used" in text]
    assert line.endswith("alone decides --max-memory: 50.0 MB is not used, it has 600 MB.")
    assert str(server.process.pid) in line
    drawn = server.airunner("image", "a cat", "--size", "72x70", "--image-size", "80x80")
    assert "no size it can draw" in drawn.stderr
    assert "--image-size: 80x80 is not used, it has none" in drawn.stderr
    refused = server.airunner("chat", "-p", "Hello", "--permissions", "@write=deny")
    assert refused.returncode == 2
    assert "rules of its own" in refused.stderr


def test_a_second_server_is_told_of_the_first_before_its_port(server: Server) -> None:
    port = server.presence.url.rpartition(":")[2]
    second = server.airunner("serve", "--port", port)
    assert second.returncode == 1
    assert f"runs already at {server.presence.url}" in second.stderr


def test_tools_are_listed_and_called_there(server: Server) -> None:
    with attached(server.home) as runtime:
        assert runtime.toolset.subject_of("calculate") == "math"
        assert "calculate" in runtime.toolset.names
        assert set(runtime.core_tools) <= set(runtime.toolset.names)
        outcome = runtime.call_tool("calculate", {"expression": "17 * 3"}, by_user=True)
        assert "51" in outcome.message.text
        refused = runtime.call_tool("calculate", {})
        assert refused.problem
        with pytest.raises(UnknownToolError, match="no_such_tool"):
            runtime.call_tool("no_such_tool", {})
        written = {"path": "a.txt", "content": "hello"}
        assert "permission" in runtime.call_tool("write_file", written).problem


def test_tools_offered_to_other_programs_run_there(server: Server) -> None:
    with attached(server.home) as runtime:
        arguments = {"idea": "a cat"}
        outcome = asyncio.run(runtime.run_tool("enhance_prompt", arguments, by_user=True))
        assert outcome.problem == ""
        assert "enhance_prompt" not in runtime.toolset.names


def test_a_deleted_conversation_leaves_nothing_with_the_server(server: Server) -> None:
    with attached(server.home, max_tokens=4) as runtime:
        conversation = Conversation.begin()
        saver = ConversationSaver(runtime.records.conversations, conversation)
        saver.save("Hello!")
        list(runtime.turn(conversation, "Hello!"))
        saver.save()
        with server.api as api:
            api.post("/unload", json={"model": EMBEDDED_PRIMARY})
        parked_bytes = _primary(runtime).parked_bytes
        assert runtime.records.conversations.delete(conversation.id)
        assert _primary(runtime).parked_bytes < parked_bytes


def test_a_handle_holds_the_model_until_it_is_closed(server: Server) -> None:
    with attached(server.home) as runtime:
        with runtime.series(), closing(_handle(runtime)) as handle:
            assert handle.invoke("Say hello.", max_tokens=4)
            assert _leases(runtime, SPECIALIST) == 1
        wait_until(lambda: _leases(runtime, SPECIALIST) == 0)
        forgotten = _handle(runtime)
        assert _leases(runtime, SPECIALIST) == 1
        del forgotten
        wait_until(lambda: _leases(runtime, SPECIALIST) == 0)


def test_a_program_that_ends_gives_back_what_it_held(server: Server) -> None:
    script = (
        "import sys\n"
        "from airunner import LLMModelManager, ModelCapability\n"
        "handle = LLMModelManager().load_specialized_model(ModelCapability.SUMMARIZATION)\n"
        "print(handle.invoke('Say hello.', max_tokens=4), flush=True)\n"
        "sys.stdin.read()\n"
    )
    _, environ = server.command()
    environ |= {"AIRUNNER_HOME": str(server.home)}
    with (
        attached(server.home) as runtime,
        subprocess.Popen(
            [sys.executable, "-c", script],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as program,
    ):
        assert program.stdout is not None
        assert program.stdout.readline().strip()
        assert psutil.Process(program.pid).children() == []
        assert _leases(runtime, SPECIALIST) == 1
        program.kill()
        wait_until(lambda: _leases(runtime, SPECIALIST) == 0)


def test_a_turn_that_is_closed_is_cancelled_and_keeps_what_was_said(server: Server) -> None:
    with attached(server.home, max_tokens=400) as runtime:
        events: list[Event] = []
        runtime.bus.subscribe(events.append)
        conversation = Conversation.begin()
        with closing(runtime.turn(conversation, "Tell me a very long story.")) as turn:
            for event in turn:
                if isinstance(event, TextStreamed):
                    break
        assert [e.outcome for e in events if isinstance(e, TurnFinished)] == ["cancelled"]
        assert conversation.messages[0].text == "Tell me a very long story."
        wait_until(lambda: _leases(runtime, EMBEDDED_PRIMARY) == 0)
        again = list(runtime.turn(conversation, "Go on.", seed=1))
        assert isinstance(again[-1], TurnFinished)
        assert again[-1].outcome == "answered"


def test_two_programs_hear_of_their_own_work_only(server: Server) -> None:
    with attached(server.home, max_tokens=24) as one, attached(server.home) as other:
        heard: list[Event] = []
        other.bus.subscribe(heard.append)
        talking = threading.Thread(target=lambda: list(one.turn(Conversation.begin(), "Hello!")))
        talking.start()
        assert other.use_specialized_model(SUMMARY, "The sea is blue.", 24)
        talking.join()
        assert not [e for e in heard if isinstance(e, TextStreamed | TurnFinished)]


def test_an_answer_comes_in_pieces_and_is_broken_off_with_its_reader(server: Server) -> None:
    with attached(server.home) as runtime:
        events: list[Event] = []
        runtime.bus.subscribe(events.append)
        pieces = list(runtime.stream_specialized_model(SUMMARY, "The sea is blue.", 8))
        assert len(pieces) > 1
        with closing(runtime.stream_specialized_model(SUMMARY, "The sea.", 2000)) as answer:
            assert next(answer)
        wait_until(lambda: _leases(runtime, SPECIALIST) == 0)

        async def ask() -> None:
            words = runtime.astream_specialized_model(SUMMARY, "The sea is blue.", 8)
            assert len([piece async for piece in words]) > 1
            assert await runtime.ause_specialized_model(SUMMARY, "The sea.", 4)
            assert await runtime.ause_specialized_model(SUMMARY, "word " * 3000, 4) is None
            with pytest.raises(ContextOverflowError):
                await runtime.ause_specialized_model(SUMMARY, "word " * 3000, 4, required=True)
            waiting = asyncio.create_task(runtime.ause_specialized_model(SUMMARY, "The sea.", 2000))
            await asyncio.to_thread(wait_until, lambda: _leases(runtime, SPECIALIST) == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

        asyncio.run(ask())
        wait_until(lambda: _leases(runtime, SPECIALIST) == 0)
        assert not [event for event in events if isinstance(event, TextStreamed)]


def test_a_failure_has_its_words_and_none_is_raised(server: Server) -> None:
    with attached(server.home) as runtime:
        events: list[Event] = []
        runtime.bus.subscribe(events.append)
        assert runtime.use_specialized_model(SUMMARY, "word " * 3000, 4) is None
        (failed,) = [e for e in events if isinstance(e, SpecialistFailed)]
        assert "context" in failed.problem


def test_a_program_with_models_of_its_own_does_not_use_the_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CAPABILITY_TO_MODEL, SUMMARY, EMBEDDED_PRIMARY)
    assert attach(Settings.load({"home": server.home}, environ={})) is None


def test_rules_that_the_server_does_not_have_are_refused(server: Server) -> None:
    flags = {"home": server.home, "permissions": "@write=deny"}
    with pytest.raises(SettingsError, match="rules of its own"):
        attach(Settings.load(flags, environ={}))


def test_a_folder_that_the_server_does_not_have_is_refused(server: Server, tmp_path: Path) -> None:
    for name in ("pictures", "files"):
        flags = {"home": server.home, name: str(tmp_path / name)}
        with pytest.raises(SettingsError, match="has a folder of its own; `airunner stop` ends it"):
            attach(Settings.load(flags, environ={}))


def test_what_the_server_was_started_without_is_said_without_a_dash(server: Server) -> None:
    with attached(server.home, reserve="1GB", max_memory="50MB", engine="cpu") as runtime:
        (line,) = runtime.remarks
    assert "--max-memory: 50.0 MB is not used, it has 600 MB" in line
    assert "--engine: cpu is not used, it has auto" in line
    assert re.search(r"--reserve: 1\S* GB is not used, it has none", line)


def test_whom_and_which_tools_a_program_names_hold_for_its_turns(server: Server) -> None:
    flags = {"primary": EMBEDDED_PRIMARY.lower(), "tools": "none", "max_tokens": "2"}
    with attached(server.home, **flags) as runtime:
        assert runtime.remarks == ()
        assert runtime.resolve(PRIMARY).reason == ""
        assert list(runtime.toolset) == []
        *_, finished = runtime.turn(Conversation.begin(), "What is 2 + 2? Calculate it.")
    assert isinstance(finished, TurnFinished)
    assert len(finished.text.split()) <= 2
    with attached(server.home, tools="-math") as runtime:
        assert "calculate" not in runtime.toolset
        assert "write_file" in runtime.toolset
    for unknown, error in (
        ({"primary": "nope"}, UnknownModelError),
        ({"tools": "x"}, SettingsError),
    ):
        with attached(server.home, **unknown) as runtime, pytest.raises(error):
            runtime.turn(Conversation.begin(), "Hello")


def test_a_chat_keeps_what_was_said_when_the_server_is_killed_and_goes_on_with_the_next(
    embedded_home: Path,
) -> None:
    with ExitStack() as servers:
        server = servers.enter_context(serving(embedded_home, "--max-tokens", "400"))
        line, environ = server.command("chat", "--json", "--max-tokens", "400")
        with subprocess.Popen(
            line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as chat:
            assert chat.stdin is not None
            assert chat.stdout is not None
            heard = map(json.loads, chat.stdout)
            chat.stdin.write("Tell me a very long story.\n")
            chat.stdin.flush()
            said = next(e["text"] for e in heard if e["kind"] == "text_streamed")
            server.process.kill()
            server.process.wait()
            ended = next(e for e in heard if e["kind"] == "turn_finished")
            assert ended["outcome"] == "failed"
            assert f"server at {server.presence.url} is gone" in ended["problem"]
            assert "airunner chat --continue" in ended["problem"]
            assert ended["text"].startswith(said)
            # Between two questions, too: none is lost and no other answer is marked.
            chat.stdin.write("Are you there?\n")
            chat.stdin.flush()
            refused = next(e for e in heard if e["kind"] == "error")
            assert refused["error"] == "ServerGoneError"
            with Records(records_file(Settings.load({"home": embedded_home}))) as records:
                (entry,) = records.conversations.list()
                assert (entry.messages, set(records.details.load(entry.id))) == (3, {0})
            again = servers.enter_context(serving(embedded_home, "--max-tokens", "8"))
            assert again.presence.url != server.presence.url
            chat.stdin.write("Go on.\n")
            chat.stdin.close()
            whole = next(e for e in heard if e["kind"] == "turn_finished")
            assert whole["outcome"] == "answered"
        (listed,) = json.loads(again.airunner("conversations", "list", "--json").stdout)[
            "conversations"
        ]
        shown = again.airunner("conversations", "show", listed["id"]).stdout
        assert shown.count("(This answer is not finished.)") == 1
        assert shown.count("(This answer was cut off at the most tokens.)") == whole["cut_off"]
        assert f"{ended['text'].strip()}\n\n(This answer" in shown


def test_what_is_asked_after_the_end_is_told_to_be_gone(embedded_home: Path) -> None:
    with serving(embedded_home) as server, attached(embedded_home) as runtime:
        server.process.terminate()
        server.process.wait(timeout=300)
        with pytest.raises(ServerGoneError, match="airunner serve"):
            list(runtime.turn(Conversation.begin(), "Hello"))
        assert attach(Settings.load({"home": embedded_home}, environ={})) is None


def _handle(runtime: AttachedRuntime) -> AttachedHandle:
    handle = runtime.load_specialized_model(SUMMARY)
    assert handle is not None
    return handle


def _primary(runtime: AttachedRuntime) -> ModelStatus:
    return next(m for m in runtime.status().models if m.model == EMBEDDED_PRIMARY)


def _leases(runtime: AttachedRuntime, model: str) -> int:
    return sum(m.leases for m in runtime.status().models if m.model == model)
