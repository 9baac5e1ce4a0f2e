"""Tables of values and the kind of chart are taken out of a message."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.guided.marks.charts import read_table
from airunner.guided.marks.table import marks_of
from airunner.guided.request import split_request
from airunner.toolbox.charts.chart_tools import plot_chart


@pytest.mark.parametrize(
    ("text", "labels", "series"),
    [
        ("apples 3, pears 5, plums 2", ["apples", "pears", "plums"], {"": [3, 5, 2]}),
        ("3 apples, 5 pears and 2 plums", ["apples", "pears", "plums"], {"": [3, 5, 2]}),
        ("draw a pie chart of a: 3, b: 4", ["a", "b"], {"": [3, 4]}),
        ("2019: 5, 2020: 7 and 2021: 9", ["2019", "2020", "2021"], {"": [5, 7, 9]}),
        ("plot these values: 3, 5.5, -8", [], {"": [3, 5.5, -8]}),
        ("1\n2\n3", [], {"": [1, 2, 3]}),
        ("Rent is $1,800 and fun 100 euros", ["Rent", "fun"], {"": [1800, 100]}),
        ("12 in May and 15 in June", ["May", "June"], {"": [12, 15]}),
        ("- a: 3%\n- b: 4%", ["a", "b"], {"": [3, 4]}),
        ("m,x,y\nJan,3,4\nFeb,5,", ["Jan", "Feb"], {"x": [3, 5], "y": [4, None]}),
        ("| c | n |\n|---|--:|\n| A | 2,800 |\n| B | 7 |", ["A", "B"], {"": [2800, 7]}),
        ("x;y\n1;2,5\n2;3", ["1", "2"], {"": [2.5, 3]}),
        ("Jan 3\nFeb 5", ["Jan", "Feb"], {"": [3, 5]}),
        ("nothing at all", [], {}),
    ],
)
def test_values_are_found_in_a_text(
    text: str, labels: list[str], series: dict[str, list[float | None]]
) -> None:
    assert read_table(text) == (labels, series)


@pytest.mark.parametrize(
    ("message", "given"),
    [
        (
            "Draw a bar chart of apples 3 and pears 5",
            {"kind": "bar", "labels": ["apples", "pears"], "values": [3.0, 5.0]},
        ),
        ("Plot these values: 1, 4, 9", {"values": [1.0, 4.0, 9.0]}),
        (
            'line chart of this, titled "Sales":\n\nmonth,old,new\nJan,1,2\nFeb,3,4',
            {
                "kind": "line",
                "labels": ["Jan", "Feb"],
                "series": {"old": [1.0, 3.0], "new": [2.0, 4.0]},
                "title": "Sales",
            },
        ),
    ],
)
def test_a_guided_model_need_not_copy_values(message: str, given: dict[str, Any]) -> None:
    request = split_request(message)
    taken = {name: mark.take(request, "") for name, mark in marks_of(plot_chart).items()}
    found = {name: value for name, value in taken.items() if value is not None}
    assert plot_chart.validate(found).as_json == given
    assert set(marks_of(plot_chart)) == set(plot_chart.parameters["properties"])
