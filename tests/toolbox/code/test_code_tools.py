"""The tools for code: prompts with a scripted code model, and scripts in the real sandbox."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.pictures import PicturesFolder
from airunner.toolbox.code.code_tools import (
    check_python,
    edit_code,
    run_python,
)
from airunner.toolbox.code.sandbox.source import script_in
from airunner.tools.files_folder import FilesFolder

CODE = "def double(x):\n    return x + x"


class CodeModel:
    """Answers every prompt, unless it is for a capability that ``lacks`` names."""

    def __init__(self, *lacks: ModelCapability) -> None:
        self.asked: list[tuple[ModelCapability, str, int]] = []
        self._lacks = lacks

    def use_specialized_model(
        self, capability: ModelCapability, prompt: str, max_tokens: int = 512
    ) -> str | None:
        self.asked.append((capability, prompt, max_tokens))
        return None if capability in self._lacks else " Done. "


def api_with(folder: Path) -> Any:
    reports: list[str] = []
    return SimpleNamespace(
        cancelled=False,
        report=reports.append,
        reports=reports,
        files=FilesFolder(folder / "files"),
        pictures=PicturesFolder(folder / "pictures", lambda: datetime(2026, 11, 24, 14, 5)),
    )


def test_code_is_changed_by_the_model_for_that_or_else_by_the_one_that_writes() -> None:
    api = CodeModel()
    assert edit_code(f"```python\n{CODE}\n```", "rename x to y", api=api) == "Done."
    ((capability, prompt, _),) = api.asked
    assert capability is ModelCapability.CODE_EDITING
    assert f"Instruction: rename x to y\n\n```\n{CODE}\n```" in prompt

    api = CodeModel(ModelCapability.CODE_EDITING)
    assert edit_code(CODE, "rename x to y", api=api) == "Done."
    assert [capability for capability, _, _ in api.asked] == [
        ModelCapability.CODE_EDITING,
        ModelCapability.CODE_GENERATION,
    ]


def test_the_changed_code_has_room() -> None:
    api = CodeModel()
    edit_code("x = 1\n" * 1500, "rename x", api=api)
    assert api.asked[0][2] > 3000
    with pytest.raises(ToolRetryError, match="too long"):
        edit_code("x = 1\n" * 3000, "rename x", api=api)


def test_without_a_code_model_nothing_is_passed_off_as_its_work() -> None:
    for api in (None, CodeModel(*ModelCapability)):
        with pytest.raises(ToolFailedError, match="the code was not changed"):
            edit_code(CODE, "rename x", api=api)


def test_empty_arguments_are_sent_back() -> None:
    with pytest.raises(ToolRetryError, match="instruction is empty"):
        edit_code(CODE, " ", api=CodeModel())
    for tool in (run_python, check_python):
        with pytest.raises(ToolRetryError, match="code is empty"):
            tool("```python\n\n```", api=CodeModel())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("print(1)", "print(1)"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("```py\nprint(1)\n```\nThis prints 1.", "print(1)"),
        ("Here it is:\n\n```\nprint(1)\n```", "print(1)"),
        ("~~~python\nprint(1)\n~~~", "print(1)"),
        ("```python\nprint(1)", "print(1)"),
        (
            "```bash\npip install x\n```\n```python\na = 1\n```\nand\n```python\na\n```",
            "a = 1\n\na",
        ),
        ("`print(1)`", "print(1)"),
        ("    if x:\n        y\n", "if x:\n    y"),
        ("x = '''\n```\n'''", "x = '''\n```\n'''"),
        ("````python\ns = '```'\n````", "s = '```'"),
    ],
)
def test_the_code_is_taken_out_of_its_markdown(text: str, code: str) -> None:
    assert script_in(text) == code


def test_a_script_tells_what_it_printed_and_its_value(tmp_path: Path) -> None:
    assert run_python("```python\nprint('hello')\n2 ** 10\n```", api=api_with(tmp_path)) == (
        "hello\nValue of the last line: 1024"
    )
    assert run_python("x = 1") == (
        "The script ran to its end and printed nothing. Print what is wanted."
    )
    long = run_python("for n in range(5000):\n    print(n)")
    assert "characters left out" in long
    assert "more characters were printed and not kept" in long
    assert len(long) < 6000


def test_a_mistake_can_be_corrected_and_an_endless_script_cannot(tmp_path: Path) -> None:
    with pytest.raises(ToolRetryError, match=r"line 1: 1 / 0\nZeroDivisionError"):
        run_python("1 / 0", api=api_with(tmp_path))
    with pytest.raises(ToolFailedError, match=r"run_python failed: .* memory"):
        run_python("x = 'a' * 10**12")
    api = api_with(tmp_path)
    api.cancelled = True
    with pytest.raises(ToolFailedError, match="given up"):
        run_python("while True:\n    pass", api=api)


def test_a_script_reads_the_file_it_was_given(tmp_path: Path) -> None:
    api = api_with(tmp_path)
    folder = api.files.path / "data"
    folder.mkdir()
    (folder / "n.csv").write_text("1\n2\n3\n")
    code = "print(sum(int(line) for line in open('n.csv')))"
    assert run_python(code, "data/n.csv", api=api) == "6"
    assert run_python(code.replace("n.csv", "data/n.csv"), "data/n.csv", api=api) == "6"
    with pytest.raises(ToolRetryError, match="outside of"):
        run_python(code, "../secret", api=api)
    (folder / "n.bin").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ToolRetryError, match="no text"):
        run_python(code, "data/n.bin", api=api)
    (folder / "large.txt").write_bytes(b" " * (1 << 21))
    with pytest.raises(ToolRetryError, match="larger than 1 MiB"):
        run_python(code, "data/large.txt", api=api)


def test_charts_of_a_script_are_saved_and_named(tmp_path: Path) -> None:
    api = api_with(tmp_path)
    code = 'print("ok")\nplot("bar", ["a", "b"], [3, 5], title="Fruit")\nplot([1, 2], [1, 4])'
    assert run_python(code, api=api) == (
        "ok\nDrew 2 charts and saved them as 2026-11-24 14.05 fruit.png, "
        "2026-11-24 14.05 line-chart.png."
    )
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in api.pictures.path.iterdir())
    assert api.reports == ["drawing 2 charts"]
    habit = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.axhline(1)\nplt.show()"
    assert run_python(habit, api=api).endswith("Left out of the picture: axhline.")


def test_what_was_printed_survives_charts_that_cannot_be_saved(tmp_path: Path) -> None:
    api = api_with(tmp_path)
    (tmp_path / "pictures").write_text("a file")
    told = run_python("print(1)\nplot([1], [2])", api=api)
    assert told.startswith("1\n(The charts were not drawn: the chart could not be saved")
    assert "no pictures folder" in run_python("plot([1], [2])")


def test_code_is_checked_without_being_run() -> None:
    assert check_python("```python\nprint(x)\n```") == (
        "line 1: Name `x` used when not defined\n    print(x)"
    )
    assert "No mistakes found" in check_python("while True:\n    pass")
    assert check_python("\n".join(f"x{n}" for n in range(30))).endswith("(18 more.)")
