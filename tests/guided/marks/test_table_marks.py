"""SQL and file names are taken out of a message."""

from __future__ import annotations

import pytest

from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.tables.table_tools import query_table


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            "run sql on sales.csv: SELECT sum(a) FROM sales",
            {"file": "sales.csv", "sql": "SELECT sum(a) FROM sales"},
        ),
        ("run this on shop.db\n```sql\nselect 1;\n```", {"file": "shop.db", "sql": "select 1"}),
        ("what is in sales.csv?", {"file": "sales.csv"}),
    ],
)
def test_sql_and_file_are_taken_out_of_a_message(message: str, wanted: dict[str, str]) -> None:
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(query_table).items()}
    assert {name: value for name, value in taken.items() if value is not None} == wanted
