"""Run a program, and leave nothing of it behind. A script, run in a process of its own.

Owns that the program ends whole: with everything that it started, in whichever session
and however far removed, when it ends itself, when it is told to, or when the process that
wanted it is gone. On Linux what loses its parent comes to this process
(``PR_SET_CHILD_SUBREAPER``), so nothing can slip away; elsewhere the program's process
group ends. On Linux there are two such processes, one below the other: where the program
kills its parent, the other ends it. It must not import the package: it is started often, and
is to be small.

The first line of the pipe ``sys.argv[1]`` is the command as JSON; its closing is the wish
that the program ends. Standard input, output and error are the program's.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import sys
import time

GRACE_S = 2.0
"""How long the program has to end by itself once its input is closed, and again after SIGTERM."""

OUTER_GRACE_S = 2 * GRACE_S + 1.0
"""How long the inner process has for that, until the outer one does it."""

_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_LOOK_S = 0.01
_NOT_RUN = 127


def main() -> None:
    """Run the command to its end; exit as it did."""
    orders = int(sys.argv[1])
    command = _first_line(orders)
    is_linux = sys.platform == "linux"
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    inner = os.fork() if is_linux else 0
    if is_linux:
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    ended, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    child = inner or _started(command)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # else the program's pipes would outlive it
        os.dup2(nowhere, standard)
    status = _reaped(child)  # it may have ended before its end was listened for
    while status is None:
        readable, _, _ = select.select([orders, ended], [], [])
        status = _reaped(child)
        if orders in readable and status is None:
            if inner:
                _send(inner, signal.SIGCONT)  # a program can stop who watches it
            status = _waited(child, OUTER_GRACE_S if inner else GRACE_S)
            break
        if ended in readable:
            os.read(ended, 4096)
    _end_everything(child, is_linux)
    os._exit(_NOT_RUN if status is None else os.waitstatus_to_exitcode(status) & 0xFF)


def _started(command: list[str]) -> int:
    try:
        return os.posix_spawnp(
            command[0],
            command,
            os.environ,
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGHUP, signal.SIGPIPE],
        )
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
        os._exit(_NOT_RUN)


def _first_line(pipe: int) -> list[str]:
    text = b""
    while not text.endswith(b"\n"):
        piece = os.read(pipe, 1)
        if not piece:
            os._exit(0)
        text += piece
    return [str(word) for word in json.loads(text)]


def _reaped(child: int) -> int | None:
    """Collect what has ended; how ``child`` did, if it has."""
    found: int | None = None
    try:
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return found
            if pid == child:
                found = status
    except ChildProcessError:  # there is no child any more
        return found


def _waited(child: int, seconds: float) -> int | None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        status = _reaped(child)
        if status is not None:
            return status
        time.sleep(_LOOK_S)
    return None


def _end_everything(child: int, is_linux: bool) -> None:
    """Ask what is left to end, and then end it."""
    until_s = time.monotonic() + GRACE_S
    number = signal.SIGTERM
    while left := (_below(os.getpid()) if is_linux else []):
        for pid in left:
            _send(pid, number)
            if number == signal.SIGTERM:
                _send(pid, signal.SIGCONT)  # what is stopped cannot hear
        while left and time.monotonic() < until_s:
            time.sleep(_LOOK_S)
            _reaped(child)
            left = _below(os.getpid())
        number = signal.SIGKILL
        until_s = time.monotonic() + _LOOK_S
        _reaped(child)
    if not is_linux:
        try:
            os.killpg(child, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _below(root: int) -> list[int]:
    """Every living process that descends from ``root``."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b") ")[2].split()[:2]
        except OSError:  # it has ended
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        more = children.get(waiting.pop(), [])
        found += more
        waiting += more
    return found


if __name__ == "__main__":
    main()
