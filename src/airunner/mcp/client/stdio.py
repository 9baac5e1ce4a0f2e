"""The pipes to a server that is a program of this machine.

Owns starting it under its supervisor, messages line by line, and what it says beside
them. A server is somebody else's program: how much it says, how long one message is and
how fast it speaks is bounded here, and it ends with everything that it started.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import PIPE, SubprocessStreamProtocol
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from airunner.json_schema.item_count import has_more_items
from airunner.mcp.client import supervisor
from airunner.mcp.client.budget import (
    LOG_BYTES,
    MESSAGE_BYTES,
    MESSAGES,
    MOST_MESSAGE_BYTES,
    MOST_MESSAGE_ITEMS,
    Budget,
)
from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.server_log import ServerLog

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.shared.message import SessionMessage

    Streams = tuple[
        MemoryObjectReceiveStream[SessionMessage | Exception],
        MemoryObjectSendStream[SessionMessage],
    ]

_INHERITED = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER")
_PIECE = 64 * 1024
# The supervisor waits as long, and then asks all that is left to end; and a little more.
_END_S = supervisor.OUTER_GRACE_S + supervisor.GRACE_S + 3.0


@asynccontextmanager
async def stdio_transport(config: ServerConfig, log: ServerLog) -> AsyncIterator[Streams]:
    """A connection to the program of ``config``, which runs for the body: messages both ways.

    Raises:
        OSError: it cannot be started; there may be no such program.
    """
    environ = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environ |= config.env
    command: str | None = config.command
    if os.sep not in config.command:
        command = shutil.which(config.command, path=environ.get("PATH"))
    if command is None:
        raise FileNotFoundError(errno.ENOENT, "there is no such program", config.command)
    orders, lifeline = os.pipe()
    try:
        transport, program = await asyncio.get_running_loop().subprocess_exec(
            _Program,
            *(sys.executable, "-I", "-S", supervisor.__file__, str(orders)),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environ,
            cwd=config.cwd,
            pass_fds=(orders,),
            start_new_session=True,
        )
    except BaseException:
        os.close(lifeline)
        raise
    finally:
        os.close(orders)
    os.write(lifeline, json.dumps([command, *config.args]).encode() + b"\n")
    pipes = _Pipes(transport, program, log, lifeline)
    async with anyio.create_task_group() as tasks:
        for work in (pipes.read_messages, pipes.write_messages, pipes.read_log, pipes.follow):
            tasks.start_soon(work)
        try:
            yield pipes.received, pipes.sent
        finally:
            with anyio.CancelScope(shield=True):
                await pipes.end()
            tasks.cancel_scope.cancel()


class _Program(SubprocessStreamProtocol):
    """The streams of a program, and word of its end. ``Process.wait`` waits for the pipes' too."""

    def __init__(self) -> None:
        super().__init__(limit=_PIECE, loop=asyncio.get_running_loop())
        self.ended = asyncio.Event()

    def process_exited(self) -> None:
        """Called by the loop."""
        super().process_exited()
        self.ended.set()


class _Pipes:
    """The three pipes of a program, with messages at the session's end."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        program: _Program,
        log: ServerLog,
        lifeline: int,
    ) -> None:
        from mcp.shared.message import SessionMessage

        self._transport, self._program, self._log = transport, program, log
        self._lifeline: int | None = lifeline
        self._in, self.received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        self.sent, self._out = anyio.create_memory_object_stream[SessionMessage](0)

    async def end(self) -> None:
        """Let the program end, wait until it has, and let the session see it."""
        self._cut()
        with suppress(ProcessLookupError):
            self._transport.send_signal(signal.SIGCONT)  # a program can stop its supervisor
        try:
            async with asyncio.timeout(_END_S):
                await self._program.ended.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._transport.kill()
        # Where the supervisor cannot find all that descends from it, something may hold a pipe.
        self._transport.close()
        for stream in (self._in, self.received, self.sent, self._out):
            stream.close()

    async def follow(self) -> None:
        """Once the supervisor has ended, let all else: a program can kill its supervisor."""
        await self._program.ended.wait()
        self._cut()

    def _cut(self) -> None:
        """Close what the program reads, and tell its supervisor to end it."""
        assert self._program.stdin is not None
        self._program.stdin.close()
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    async def read_messages(self) -> None:
        """Give the session what the program writes, one line after the other.

        What comes while nobody takes it stays in the pipe.
        """
        assert self._program.stdout is not None
        size, count = Budget(MESSAGE_BYTES), Budget(MESSAGES)
        begun = bytearray()
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async with self._in:
                while piece := await self._program.stdout.read(_PIECE):
                    await size.spend(len(piece))
                    *lines, rest = piece.split(b"\n")
                    for line in lines:
                        message = bytes(begun + line)
                        begun.clear()
                        await count.spend(1)
                        if has_more_items(message, MOST_MESSAGE_ITEMS):
                            self._refuse(f"{MOST_MESSAGE_ITEMS:,} values")
                            return
                        await self._in.send(_parsed(message))
                    begun += rest
                    if len(begun) > MOST_MESSAGE_BYTES:
                        self._refuse(f"{MOST_MESSAGE_BYTES:,} bytes")
                        return

    def _refuse(self, most: str) -> None:
        """End a program that sends too large a message, as nobody can tell whose answer it is."""
        self._log.write(f"\nit sent a message of more than {most}\n".encode())
        self._cut()

    async def write_messages(self) -> None:
        """Give the program what the session says."""
        assert self._program.stdin is not None
        try:
            async with self._out:
                async for message in self._out:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    self._program.stdin.write(text.encode() + b"\n")
                    await self._program.stdin.drain()
        except (OSError, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._in.close()  # so that no request waits for a program that does not read

    async def read_log(self) -> None:
        """Keep what the program writes to stderr, as fast as a log may grow."""
        assert self._program.stderr is not None
        budget = Budget(LOG_BYTES)
        while piece := await self._program.stderr.read(_PIECE):
            self._log.write(piece)
            await budget.spend(len(piece))


def _parsed(line: bytes) -> SessionMessage | Exception:
    """The message in a line; what is none goes to the session as an error, which passes over it."""
    import mcp_types as types
    from mcp.shared.message import SessionMessage

    try:
        text = line.decode("utf-8", "replace")
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValueError as error:
        return error
