"""Starting stays cheap: which modules are loaded, never how long it takes."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path

from airunner.cli.team import running_team
from airunner.config.settings import Settings
from airunner.importing import importing

HEAVY = {
    "asyncio",
    "gguf",
    "httpx",
    "huggingface_hub",
    "numpy",
    "platformdirs",
    "psutil",
    "pydantic",
    "pynvml",
    "rich",
    "tomllib",
    "xllamacpp",
}


def loaded_by(code: str) -> set[str]:
    """Every module that a fresh Python has loaded after ``code``, beyond what it began with."""
    script = (
        "import json, sys\n"
        "before = set(sys.modules)\n"
        f"{code}\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    modules: list[str] = json.loads(output.splitlines()[-1])
    return set(modules)


def top_level(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_importing_the_package_loads_nothing_but_the_package_itself() -> None:
    loaded = loaded_by("import airunner")
    assert {name for name in loaded if name.startswith("airunner")} == {"airunner"}
    assert top_level(loaded) - sys.stdlib_module_names == {"airunner"}
    assert not top_level(loaded) & HEAVY


def test_help_loads_the_command_line_and_no_engine() -> None:
    loaded = loaded_by(
        "sys.argv = ['airunner', '--help']\n"
        "from airunner.cli.app import main\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as ended:\n"
        "    assert not ended.code, ended.code"
    )
    assert "airunner.config.settings" in loaded  # every setting is a flag that the help lists
    assert not loaded & {"airunner.cli.chat", "airunner.cli.doctor", "airunner.cli.models"}
    assert not top_level(loaded) & HEAVY
    assert "airunner.runtime" not in loaded


def test_the_catalogue_and_the_decisions_need_no_third_party_module() -> None:
    loaded = loaded_by(
        "import airunner.components.llm.config.model_capabilities\n"
        "import airunner.models.catalog, airunner.scheduling.scheduler"
    )
    assert top_level(loaded) - sys.stdlib_module_names == {"airunner"}


def test_knowing_the_engines_loads_none_of_them() -> None:
    loaded = loaded_by(
        "from airunner.engines.known import known_engines\nassert len(known_engines().traits) > 1"
    )
    assert top_level(loaded) - sys.stdlib_module_names == {"airunner"}
    parts = {name.rpartition(".")[2] for name in loaded if name.startswith("airunner.engines.")}
    assert not parts & {"client", "launcher", "planner", "worker"}
    assert "asyncio" not in loaded


def test_commands_that_only_tell_start_no_runtime() -> None:
    for words in (["ps"], ["doctor"], ["plan"], ["models", "list"]):
        loaded = loaded_by(
            "import tempfile\n"
            f"sys.argv = ['airunner', *{words}, '--home', tempfile.mkdtemp()]\n"
            "from airunner.cli.app import main\n"
            "try:\n"
            "    main()\n"
            "except SystemExit as ended:\n"
            "    assert not ended.code, ended.code"
        )
        heavy = {"airunner.runtime.core", "airunner.guided", "huggingface_hub.utils"}
        assert not heavy & loaded, words
        assert not {"asyncio", "gguf", "httpx", "httpx2", "numpy", "pydantic"} & top_level(
            loaded
        ), words


def test_the_page_loads_no_http_client_of_its_library_and_takes_none_from_others() -> None:
    loaded = loaded_by(
        "import airunner.ui.mount\n"
        "early = {'aiohttp', 'requests'} & set(sys.modules)\n"
        "assert not early, early\n"
        "import aiohttp"
    )
    assert {"aiohttp.client", "engineio", "nicegui.ui"} <= loaded


def test_what_was_imported_is_never_looked_through_for_garbage() -> None:
    gc.unfreeze()
    with importing():
        assert not gc.isenabled()
    try:
        assert gc.isenabled()
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()


def test_nor_is_what_a_command_with_a_team_has_imported(tmp_path: Path) -> None:
    gc.unfreeze()
    try:
        with running_team(Settings(home=tmp_path), "test"):
            assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
