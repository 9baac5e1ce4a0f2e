"""The command as a whole: help, flags and where they win, errors and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from airunner import __version__
from airunner.cli.app import app
from airunner.cli.near_words import nearest
from airunner.components.llm.config.model_capabilities import EMBEDDED_SPECIALIST
from airunner.config.settings import SETTINGS

pytestmark = pytest.mark.real

COMMANDS = ("chat", "run", "image", "demo", "ps", "plan", "explain", "doctor", "models")


def invoke(*arguments: str, said: str | None = None, **environ: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments), input=said, env=environ)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("asked", ["--help", "--help-all"])
def test_help_lists_the_commands_first_and_every_setting_where_all_is_asked_for(asked: str) -> None:
    code, text, _ = invoke(asked)
    assert code == 0
    assert "  --help-all" in text
    options = text.index("\nOptions:")
    for command in COMMANDS:
        assert 0 < text.index(f"\n  {command} ") < options
    told = [f"\n  {setting.flag}" in text for setting in SETTINGS.values()]
    assert told == [asked == "--help-all"] * len(SETTINGS)
    assert max(map(len, text.splitlines())) <= 80


def test_help_groups_the_commands_a_line_each_and_says_where_to_begin() -> None:
    text = invoke("--help")[1]
    assert text.index("Begin with `airunner setup`") < text.index("\nTalk and draw:\n  chat ")
    listed = text[text.index("\nTalk and draw:") : text.index("\nOptions:")].splitlines()
    headings = [line for line in listed if line and not line.startswith(" ")]
    assert headings == ["Talk and draw:", "Models:", "Server:", "Records:", "This machine:"]
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert {line.split()[0] for line in listed if line.startswith("  ")} == set(commands)


def test_what_is_listed_of_a_command_is_what_its_own_help_begins_with() -> None:
    commands = typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
    listed = {command.name: command.get_short_help_str(1000) for command in commands}
    assert listed == {c.name: c.load().get_short_help_str(1000) for c in commands}


def test_the_word_help_is_the_same_as_the_option() -> None:
    assert invoke("help") == invoke("--help")
    assert invoke("help", "pull") == invoke("pull", "--help")
    assert invoke("models", "help") == invoke("models", "--help")


def test_what_removes_something_is_no_guess() -> None:
    assert nearest("dlete", ["list", "delete"]) == ""
    assert nearest("rn", ["run", "rm"]) == " Did you mean run?"
    assert nearest("del", ["list", "delete"]) == " Did you mean delete?"  # what was begun


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        (["chat", "--modle", "x"], "No such option: --modle. Did you mean --primary?"),
        (["image", "--modle", "x"], "No such option: --modle. Did you mean --model?"),
        (["chat", "--max-mem", "1GB"], "No such option: --max-mem. Did you mean --max-memory?"),
        (["--verzion"], "No such option: --verzion. Did you mean --version?"),
        (["chat", "--xyzzy"], "error: No such option: --xyzzy. `airunner chat -h`"),
        (["hlep"], "No such command 'hlep'. Did you mean help?"),
        (["help", "plul"], "No such command 'plul'. Did you mean pull?"),
        (["models", "lst"], "No such command 'lst'. Did you mean list?"),
        (["create"], "No such command 'create'. `airunner -h`"),
        (["download"], "No such command 'download'. Did you mean pull?"),
    ],
)
def test_a_misspelt_word_is_answered_with_what_was_meant(given: list[str], hint: str) -> None:
    code, _, told = invoke(*given)
    assert code == 2
    assert hint in told


def test_help_of_a_command_is_about_the_command() -> None:
    _, text, _ = invoke("chat", "--help")
    assert "--prompt" in text
    assert "\n  --queue-limit" not in text
    assert "Every setting" in text


def test_version() -> None:
    assert invoke("--version")[1] == f"airunner {__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    heavy = ["xllamacpp", "gguf", "numpy", "httpx", "pydantic", "rich", "asyncio", "psutil"]
    code = (
        "import sys\n"
        "from airunner.cli.app import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {heavy} if m in sys.modules], 'airunner.runtime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[] False"


def shown_max_memory(*arguments: str, **environ: str) -> tuple[str, str]:
    code, text, _ = invoke(*arguments, **environ)
    assert code == 0, text
    found = {s["name"]: s for s in json.loads(text)["settings"]}
    return found["max_memory"]["shown"], found["max_memory"]["origin"]


def test_the_last_flag_beats_the_first_the_environment_and_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('max_memory = "3GB"\n')
    home = {"AIRUNNER_HOME": str(tmp_path)}
    every = {**home, "AIRUNNER_MAX_MEMORY": "4GB"}
    in_file = shown_max_memory("doctor", "--json", **home)
    assert in_file == ("3.00 GB", f"config.toml ({tmp_path / 'config.toml'})")
    assert shown_max_memory("doctor", "--json", **every) == ("4.00 GB", "AIRUNNER_MAX_MEMORY")
    before = ("--max-memory", "5GB")
    assert shown_max_memory(*before, "doctor", "--json", **every) == (
        "5.00 GB",
        "flag --max-memory",
    )
    both = shown_max_memory(*before, "doctor", "--max-memory", "6GB", "--json", **every)
    assert both == ("6.00 GB", "flag --max-memory")


def test_switches_can_be_turned_off(tmp_path: Path) -> None:
    environ = {"AIRUNNER_HOME": str(tmp_path), "AIRUNNER_OFFLINE": "1"}
    for flags, expected in (((), "yes"), (("--no-offline",), "no")):
        _, text, _ = invoke("doctor", "--json", *flags, **environ)
        found = {s["name"]: s["shown"] for s in json.loads(text)["settings"]}
        assert found["offline"] == expected


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("models", "show", "Qwen/Qwen3"), 1, "Did you mean Qwen/Qwen3-8B"),
        (("plan", "--max-memory", "lots"), 2, "from flag --max-memory"),
        (("plan", "--max-vram", "much"), 2, "not a size"),
        (("plan", "--core-tools", "All,x"), 2, "all stands alone"),
        (("models", "list", "--keep-in-memory", "singing"), 2, "No capability 'singing'"),
        (("run", "summarisation", "la"), 2, "Did you mean summarization?"),
        (("run", "llama3"), 2, "If it is a model: `airunner chat --primary llama3`"),
        (("run", "What is it?"), 2, "`airunner chat -p TEXT`"),
        (("chat", "What is it?"), 2, "-p asks it once"),
        (("assign", "translaton", "x"), 2, "Did you mean translation"),
        (("assign", "image", "llama3"), 1, "`airunner models add publisher/name-GGUF`"),
        (("models", "add", "x", "--for", "drawing"), 2, "No capability 'drawing'"),
        (("chat", "-p", "  "), 2, "the prompt is empty"),
        (("plan", "--config", "none.toml"), 2, "none.toml' (from flag --config): there is no"),
        (("plan", "--home", "pyproject.toml"), 2, "(from flag --home): it is no folder"),
        (("image", "  "), 2, "the prompt is empty"),
        (("image", "a cat", "--size", "big"), 2, "such as 1024x768"),
        (("image", "a cat", "--size", "0x8"), 2, "such as 1024x768"),
        (("image", "a cat", "--mask", "pyproject.toml"), 2, "needs --from"),
        (("image", "a cat", "--from", "none.png"), 2, "there is no file none.png"),
        (("image", "a cat", "--lora", "none.safetensors:0.5"), 2, "there is no file none.safe"),
        (("image", "a cat", "--lora", "pyproject.toml:x"), 2, "'x' is no number"),
        (("image", "a cat", "--strength", "0.5"), 2, "needs --from"),
        (("explain",), 1, "no run has decided anything"),
        (("explain", "--run", "nowhere.ndjson"), 2, "cannot be used: nowhere.ndjson: No such file"),
        (("models", "pull"), 2, "name a model"),
        (("models", "pull", "Qwen/Qwen3-8B", "--max-vram", "8"), 2, "goes with --team"),
        (("models", "pull", "Qwen/Qwen3-8B", "--offline"), 1, "not on this machine"),
        (("chat", "-p", "hi", "--primary", "nobody/home"), 1, "No model named 'nobody/home'"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    empty_home: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    got, _, stderr = invoke(*arguments, AIRUNNER_HOME=str(empty_home))
    assert (got, words in stderr) == (code, True), stderr
    assert "Traceback" not in stderr


def test_what_follows_from_a_change_of_models_is_said(empty_home: Path) -> None:
    folder = empty_home / "models" / "HuggingFaceTB--SmolLM2-135M-Instruct"
    folder.mkdir(parents=True)
    (folder / "weights.gguf").write_bytes(b"x" * 2_000_000)
    _, told, _ = invoke("assign", "translation", "--default", AIRUNNER_HOME=str(empty_home))
    assert f"fetches it; until then {EMBEDDED_SPECIALIST} serves" in told
    _, told, _ = invoke("rm", "smollm2", AIRUNNER_HOME=str(empty_home))
    assert told == "smollm2: 2.00 MB freed; it is fetched again when it is needed\n"


def test_verbose_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    _, _, stderr = invoke("models", "show", "x", "--verbose", AIRUNNER_HOME=str(tmp_path))
    assert "Traceback" in stderr
    assert stderr.splitlines()[-1].startswith("error: No model named 'x'")


def test_a_home_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where a folder belongs")
    code, _, stderr = invoke("models", "show", "Qwen/Qwen3-8B", AIRUNNER_HOME=str(tmp_path))
    assert code == 1
    assert stderr.startswith("error: Cannot write")
    # What only tells writes nothing.
    assert invoke("plan", AIRUNNER_HOME=str(tmp_path))[0] == 0
    assert invoke("models", "list", AIRUNNER_HOME=str(tmp_path))[0] == 0


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "airunner", "models", "list", "--json"],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**os.environ, "AIRUNNER_HOME": str(tmp_path)},
        text=True,
    )
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
