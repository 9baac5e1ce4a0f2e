"""Code and what is wanted of it are taken out of a message."""

from __future__ import annotations

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.code.code_tools import edit_code, run_python

CODE = "def double(x):\n    return x + x"


def test_a_guided_model_need_not_copy_code() -> None:
    for message, file in (
        (f"Run this code:\n```python\n{CODE}\nmath.sqrt(4)\n```", None),
        (f"Run this code on data/n.csv:\n```python\n{CODE}\nmath.sqrt(4)\n```", "data/n.csv"),
    ):
        request = split_request(message)
        taken = {name: mark.take(request, "") for name, mark in marks_of(run_python).items()}
        assert taken == {"code": f"{CODE}\nmath.sqrt(4)", "file": file}
    request = split_request(f"Rename x to y in this code:\n\n{CODE}")
    taken = {name: mark.take(request, "") for name, mark in marks_of(edit_code).items()}
    assert taken == {"code": CODE, "instruction": "Rename x to y in this code"}
