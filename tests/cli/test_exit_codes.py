"""The manual's one table of exit codes, and commands that end with each of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest
from tests.cli.test_chat_real import command

from airunner.cli.exit_codes import ExitCode

pytestmark = pytest.mark.real

PAGE = Path(__file__).parents[2] / "docs/commands.md"
SIGNALS = {
    ExitCode.HUNG_UP: signal.SIGHUP,
    ExitCode.INTERRUPTED: signal.SIGINT,
    ExitCode.TERMINATED: signal.SIGTERM,
}


def ended(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    line, environ = command(home, *arguments)
    return subprocess.run(line, env=environ, capture_output=True, text=True, stdin=subprocess.PIPE)


def test_the_manual_has_every_code_and_no_other() -> None:
    table = PAGE.read_text("utf-8").partition("## Exit codes")[2].partition("##")[0]
    codes = [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)]
    assert codes == [code.value for code in ExitCode]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("version",), ExitCode.DONE),
        (("plan", "--json"), ExitCode.DONE),
        (("show", "nobody/home", "--json"), ExitCode.FAILED),
        (("plna",), ExitCode.USAGE),
        (("plan", "--max-memory", "lots", "--json"), ExitCode.USAGE),
        (("ps", "--frob", "--json"), ExitCode.USAGE),
        (("conversations", "show", "nobody", "--json"), ExitCode.USAGE),
    ],
)
def test_a_command_ends_with_the_code_of_the_table(
    empty_home: Path, arguments: tuple[str, ...], code: ExitCode
) -> None:
    done = ended(empty_home, *arguments)
    assert done.returncode == code, done.stderr
    if arguments[-1] != "--json":
        return
    told = json.loads(done.stdout)
    assert told["json_version"] == 1
    assert (told.get("kind") == "error") == (code != ExitCode.DONE)
    if code != ExitCode.DONE:
        assert " ".join(told["message"].split()) in " ".join(done.stderr.split())
        assert told["error"] in ("UnknownModelError", "SettingsError", "UsageError")


@pytest.mark.parametrize("code", SIGNALS)
def test_a_signal_ends_a_command_with_the_code_of_the_table(
    empty_home: Path, code: ExitCode
) -> None:
    line, environ = command(empty_home, "chat", "--json", "-p", "-", "--max-memory", "1MB")
    with subprocess.Popen(
        line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as waiting:
        assert waiting.stdin is not None
        # More than a pipe holds: this returns when the command has begun to read its question.
        waiting.stdin.write(b"x" * 200_000)
        waiting.stdin.flush()
        waiting.send_signal(SIGNALS[code])
        waiting.communicate()
        assert waiting.returncode == code
