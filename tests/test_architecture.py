"""The rules of the source tree that no linter of lines can see."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from airunner import errors
from airunner.engines.known import known_engines

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "airunner"
SOURCES = sorted(PACKAGE.rglob("*.py"))
MOST_LINES = 400

OTHER_RAISES = {
    "AttributeError": {"__init__.py", "runtime/__init__.py"},  # what __getattr__ has to raise
    "ValueError": {  # parsers, whose caller knows the origin
        *("config/byte_size.py", "config/values.py", "config/variables.py", "config/json_file.py"),
        *("json_schema/effort.py", "json_schema/plain.py", "records/saved_message.py"),
        # a field of a form, which is told beside it
        *("runtime/painted_mask.py", "ui/notes/reminder_list.py", "ui/settings/mcp_dialog.py"),
        *("ui/pictures/one_picture.py", "ui/pictures/paint_dialog.py", "ui/pictures/painting.py"),
        # what pydantic makes an answer of
        *("server/openai/chat_request.py", "server/openai/completions.py"),
    },
    # What a file that cannot be read raises; its reader knows what that means.
    "OSError": {"toolbox/files/saving.py", "tools/real_path.py", "config/regular_file.py"},
    "FileNotFoundError": {"mcp/client/stdio.py", "config/regular_file.py"},
    "IsADirectoryError": {"config/regular_file.py"},
    "RequestValidationError": {"server/openai/chat_request.py"},  # the same, beyond its reach
    "TypeError": {"scheduling/scheduler.py"},  # an input that the manager cannot have sent
    "RuntimeError": {"loop_thread.py"},  # a call that could only deadlock
    "Cancelled": {"engines/diffusers/server.py"},  # its own, ends a drawing inside the worker
    "KeyGoneError": {"access/key_watch.py"},  # its own, ends an answer inside the guard
    "StopAsyncIteration": {"mcp/client/sound_stream.py"},  # what the end of a stream is
    "LookupError": {"engines/llama_cpp/worker.py"},  # crosses to the parent as text
    "subprocess.TimeoutExpired": {"toolbox/awaited_process.py"},  # as ``subprocess.run`` does
    "httpx2.DecodingError": {"mcp/client/http.py"},  # within the client of the MCP library
    "httpx2.ReadError": {"mcp/client/http.py", "mcp/client/sound_stream.py"},
}
"""Exceptions from elsewhere, and the only files that may raise them."""

ENDS_OF_COMMANDS = {
    "KeyboardInterrupt",
    "SystemExit",
    "typer.Abort",
    "typer.BadParameter",
    "typer.Exit",
}

READS_ENVIRONMENT = {
    "cli/line_editor.py",  # sets what the line editor's library reads
    "cli/terminal_picture.py",  # what a terminal says about itself, which is no choice
    "config/other_programs.py",  # where Ollama and others keep models, by their own variables
    "config/settings.py",  # the one reader of what the user chose
    "config/variables.py",  # what a value of the user's names by ${NAME}
    "weights/wheel.py",  # hands pip the environment it was itself given
    "engines/diffusers/libraries.py",  # sets what the image libraries read when they load
    "engines/llama_cpp/build_install.py",  # hands pip the environment it was itself given
    "engines/llama_cpp/worker.py",  # sets what the engine library reads when it loads
    "engines/llama_cpp/server_worker.py",  # the same for a llama-server
    "mcp/client/stdio.py",  # hands servers the few variables that every program needs
    "mcp/client/supervisor.py",  # hands on the environment that it was itself given
}

NAMES_ENGINES = {
    "components/llm/config/model_capabilities.py",  # what users write: a model and its engine
    "models/spec.py",  # the engine of an entry that names none
}
"""Where an engine's name may stand, apart from its own folder."""


def relative(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


def parsed() -> Iterator[tuple[str, ast.Module]]:
    for file in SOURCES:
        yield relative(file), ast.parse(file.read_text(encoding="utf-8"))


def test_imports_point_only_downward() -> None:
    # In a process of its own: the linter silences every logger that exists.
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_module_has_its_place_in_the_order() -> None:
    """Below the packages for which the linter's layers are not exhaustive."""
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    (order,) = (each for each in linter["contracts"] if each["type"] == "layers")
    placed = set(re.findall(r"[\w.]+", " ".join(order["layers"])))
    opened = {name.rpartition(".")[0] for name in placed if "." in name} - {""}
    children = {
        f"{package}.{child.stem}"
        for package in opened
        for child in PACKAGE.joinpath(*package.split(".")).iterdir()
        if not child.stem.startswith("_")
        and (child.suffix == ".py" or (child / "__init__.py").exists())
    }
    assert children <= placed | opened


def test_files_are_short_and_named_after_what_they_own() -> None:
    long = {
        relative(file): lines
        for file in SOURCES
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long
    grab_bags = re.compile(r"(^|_)(utils?|helpers?|common|misc|mixins?)$")
    names = {relative(file): file for file in SOURCES}
    assert not [n for n, file in names.items() if any(map(grab_bags.search, stems(file)))]


def stems(file: Path) -> tuple[str, ...]:
    return file.relative_to(PACKAGE).with_suffix("").parts


def test_every_module_says_what_it_owns() -> None:
    assert not [name for name, tree in parsed() if not ast.get_docstring(tree)]
    folders = {file.parent for file in SOURCES}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        name
        for name, tree in parsed()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}
    }
    assert readers <= READS_ENVIRONMENT


def test_only_its_own_folder_names_an_engine() -> None:
    engines = [engine for engine in known_engines() if (PACKAGE / "engines" / engine).is_dir()]
    assert len(engines) > 1
    named = re.compile(rf"\b({'|'.join(engines)})\b")
    strangers = [
        f"{name}:{text.lineno} says {found[0]}"
        for name, tree in parsed()
        for text in texts(tree)
        if (found := named.search(text.value))
        and not name.startswith(f"engines/{found[0]}/")
        and name not in NAMES_ENGINES
    ]
    assert not strangers


def texts(tree: ast.Module) -> Iterator[ast.Constant]:
    """Every text in the code but its docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in docstrings:
            yield node


def test_only_our_own_errors_are_raised() -> None:
    ours = {name for name in vars(errors) if name.endswith("Error")}
    strangers = []
    for name, tree in parsed():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Raise) or node.exc is None:
                continue
            raised = exception_name(node.exc)
            if raised is None or raised.removeprefix("errors.") in ours:
                continue
            if raised in ENDS_OF_COMMANDS and name.startswith("cli/"):
                continue
            if name not in OTHER_RAISES.get(raised, ()):
                strangers.append(f"{name}:{node.lineno} raises {raised}")
    assert not strangers


def exception_name(raised: ast.expr) -> str | None:
    """The class that ``raise`` names; ``None`` for a variable or a function that builds one."""
    name = ast.unparse(raised.func if isinstance(raised, ast.Call) else raised)
    if not re.fullmatch(r"[\w.]+", name):
        return None
    last = name.rpartition(".")[2]
    is_class = last[0].isupper() or isinstance(getattr(builtins, last, None), type)
    return name if is_class else None


def test_what_docstrings_name_is_there() -> None:
    """``package.module``, with what of it is meant: a name that was changed is a lie."""
    packages = "|".join(
        sorted({source.parts[-1] for source in PACKAGE.iterdir() if source.is_dir()})
    )
    named = re.compile(rf"``(?:airunner\.)?((?:{packages})(?:\.[a-z_]+)+)(?:\.[A-Z]\w*)*``")
    lies = []
    for source in SOURCES:
        for path in named.findall(source.read_text("utf-8")):
            if path.endswith((".toml", ".json")) or path.startswith("ui."):
                continue
            *folders, last = path.split(".")
            here = [PACKAGE.joinpath(*folders, last), PACKAGE.joinpath(*folders, f"{last}.py")]
            module = PACKAGE.joinpath(*folders).with_suffix(".py")
            is_in_module = module.is_file() and last in module.read_text("utf-8")
            if not is_in_module and not any(each.exists() for each in here):
                lies.append(f"{source.relative_to(PACKAGE)}: {path}")
    assert lies == []
