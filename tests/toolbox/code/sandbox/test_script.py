"""What scripts can do in the real sandbox, and what is said of their mistakes."""

from __future__ import annotations

import pytest

from airunner.errors import ToolRetryError
from airunner.toolbox.code.sandbox.limits import Limits
from airunner.toolbox.code.sandbox.script import Sandbox, ScriptResult

pytestmark = pytest.mark.real

SANDBOX = Sandbox("run_python")


def run(code: str, **texts: str) -> ScriptResult:
    return SANDBOX.run(code, {name.replace("_", "."): text for name, text in texts.items()})


def mistake(code: str) -> str:
    with pytest.raises(ToolRetryError) as raised:
        SANDBOX.run(code)
    return raised.value.hint


def test_what_a_script_prints_and_its_last_value_come_back() -> None:
    result = run("import math\nprint('two', 2)\nprint('é')\nmath.sqrt(16)")
    assert result == ScriptResult(printed="two 2\né\n", value="4.0")
    assert run("x = 3").value is None
    assert run("print(1)").value is None
    assert run("'a' 'b'  # said").value == "'ab'"
    assert run("(1,\n 2)").value == "(1, 2)"
    assert run("é = 'ü'; é + 'ß'").value == "'üß'"
    assert run("x = 1\r\nx + 1\r\n").value == "2"


def test_an_object_shows_itself_as_python_would() -> None:
    code = "class Point:\n    def __repr__(self):\n        return 'a point'\n\nPoint()"
    assert run(code).value == "a point"


def test_long_output_is_cut_and_counted() -> None:
    sandbox = Sandbox("run_python", Limits(output_chars=10, value_chars=5))
    result = sandbox.run("print('x' * 25)\n'y' * 100")
    assert (result.printed, result.omitted) == ("x" * 10, 16)
    assert result.value == "'yyyyy"


def test_a_mistake_is_told_with_its_line_and_what_was_printed() -> None:
    told = mistake("def area(a, b):\n    return a / b\n\nprint('before')\narea(2, 0)")
    assert "line 5: area(2, 0)\nline 2, in area: return a / b\nZeroDivisionError" in told
    assert told.endswith("Printed until then:\nbefore\n")
    assert "repr" not in told
    assert "line 2: def f(:\nSyntaxError" in mistake("x = 1\ndef f(:")
    assert "NameError: name 'y' is not defined" in mistake("print(y)")
    assert "AssertionError" in mistake("assert 1 == 2")


def test_deep_recursion_is_a_mistake_of_few_lines() -> None:
    told = mistake("def f(n):\n    return f(n + 1)\n\nf(0)")
    assert "RecursionError" in told
    assert "more calls)" in told
    assert len(told.splitlines()) < 12


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("import numpy as np", "Only these modules can be imported: asyncio, base64"),
        ("open('data.csv')", "A script reaches no files but the one it was given"),
        ("name = input('name? ')", "Nobody can be asked"),
        ("import sys\nsys.exit(1)", "Let the script end by itself"),
        ("def f():\n    yield 1", "This Python lacks some things, among them yield"),
        ("class A:\n    pass\nclass B(A):\n    pass", "This Python lacks some things"),
        ("import matplotlib.pyplot as plt\nplt.quiver([1])", 'plot("bar", labels, values'),
    ],
)
def test_advice_comes_with_what_this_python_lacks(code: str, advice: str) -> None:
    assert advice in mistake(code)


def test_statistics_and_string_are_there_too() -> None:
    code = "import statistics, string\nstatistics.median([1, 5, 3]), string.digits"
    assert run(code).value == "(3, '0123456789')"
    assert "mean requires at least one" in mistake("import statistics\nstatistics.mean([])")


def test_the_one_file_can_be_read_and_not_written() -> None:
    table = "name,age\nAda,36\nAlan,41\n"
    code = (
        "import csv\n"
        "with open('people.csv', newline='') as file:\n"
        "    rows = list(csv.DictReader(file))\n"
        "sum(int(row['age']) for row in rows)"
    )
    assert run(code, people_csv=table).value == "77"
    assert run("from pathlib import Path\nPath('a.txt').read_text()", a_txt="é").value == "'é'"
    assert run("open('a.txt', 'rb').read()", a_txt="x").value == "b'x'"
    assert run("import os\nos.path.exists('a.txt'), os.path.exists('b')", a_txt="").value == (
        "(True, False)"
    )
    for change in ("open('a.txt', 'w')", "open('a.txt', 'a')", "os.remove('a.txt')"):
        with pytest.raises(ToolRetryError, match="PermissionError"):
            run(f"import os\n{change}", a_txt="x")


def test_the_clock_is_local_and_sleeping_takes_no_time() -> None:
    result = run("import time, datetime\ntime.sleep(3600)\ndatetime.datetime.now().year > 2000")
    assert result.value == "True"


def test_odd_characters_neither_break_the_way_in_nor_the_way_out() -> None:
    assert run("x = '\ud800'\nlen(x)").value == "1"
    assert run("'a\\x00b'").value == "'a\\x00b'"
    assert run("print('\\x1b[31m\u2028')").printed == "\x1b[31m\u2028\n"
    assert "SyntaxError" in mistake("x = 1\x00")


def test_nested_without_end_is_shown_or_refused_and_no_more() -> None:
    assert str(run("x = []\nfor _ in range(5000):\n    x = [x]\nx").value).startswith("[[[[")
    assert run("x = []\nx.append(x)\nx").value == "[[...]]"
    assert "nested" in mistake("(" * 3000 + ")" * 3000)


def test_a_script_is_checked_without_being_executed() -> None:
    code = "import os\n\ndef f(a, b):\n    return a + c\n\nf(1)\nos.system('ls')\nopen('x')\n"
    assert [(each.line, each.rule) for each in SANDBOX.check(code)] == [
        (4, "unresolved-reference"),
        (6, "missing-argument"),
    ]
    assert SANDBOX.check("import numpy\nfrom __future__ import annotations\n") == []
    assert SANDBOX.check("while True:\n    pass") == []
    (found, *_) = SANDBOX.check("x = 1\nif x\n    pass")
    assert (found.line, found.rule) == (2, "invalid-syntax")
