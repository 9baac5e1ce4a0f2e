"""Charts: what can be drawn, what the picture looks like, and values found in requests."""

from __future__ import annotations

import json
import struct
from datetime import datetime
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.pictures import PicturesFolder
from airunner.toolbox.charts.chart import Chart, Series, chart_of, series_of
from airunner.toolbox.charts.chart_tools import plot_chart
from airunner.toolbox.charts.drawing import png_of, save_charts

pytestmark = pytest.mark.real

WHITE, BLUE, ORANGE = (255, 255, 255), (31, 119, 180), (255, 127, 14)


def api_with(folder: Path) -> Any:
    return SimpleNamespace(pictures=PicturesFolder(folder, lambda: datetime(2026, 11, 24, 14, 5)))


def pixels(chart: Chart) -> Image.Image:
    png = png_of("plot_chart", chart)
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (800, 500)
    return Image.open(BytesIO(png)).convert("RGB")


def where(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray[Any, Any]:
    """Rows and columns of the pixels of a colour."""
    return np.argwhere((np.asarray(picture) == colour).all(axis=2))


def share(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    return len(where(picture, colour)) / (picture.width * picture.height)


def test_bars_are_as_high_as_their_values() -> None:
    picture = pixels(
        chart_of(
            [
                series_of("bar", ["a", "b"], [1, 1], "low"),
                series_of("bar", ["a", "b"], [4, 4], "high"),
            ]
        )
    )
    legend = 120  # above it
    low, high = (
        found[found[:, 0] > legend] for found in (where(picture, BLUE), where(picture, ORANGE))
    )
    assert low[:, 0].max() == high[:, 0].max()  # both stand on the same line
    assert low[:, 1].min() < high[:, 1].min()  # side by side
    assert len(high) > 2 * len(low)
    assert share(picture, WHITE) > 0.3


def test_a_pie_is_shared_by_its_values_and_a_line_is_thin() -> None:
    pie = pixels(chart_of([series_of("pie", ["a", "b"], [3, 1])], title="Shares"))
    assert share(pie, BLUE) == pytest.approx(3 * share(pie, ORANGE), rel=0.1)
    line = pixels(chart_of([series_of("line", [1, 2, 3], [1, 3, 2])]))
    assert 0 < share(line, BLUE) < 0.02
    assert share(line, WHITE) > 0.8


def test_every_kind_is_drawn_also_at_its_bounds() -> None:
    many = list(range(10_000))
    charts = [
        chart_of([series_of("scatter", many, many)]),
        chart_of([series_of("line", many, many)]),
        chart_of([series_of("bar", [f"name {n}" for n in range(500)], many[:500])]),
        chart_of([series_of("bar", [1, 1, 2], [1, -2, None])]),
        chart_of([series_of("histogram", [0, 1e150]), series_of("histogram", [5, 5])]),
        chart_of([series_of("histogram", [7])], bins=200),
        chart_of([series_of("line", [1], [1e-300])]),
        chart_of([series_of("line", [1, "b"], [1, 2])]),
    ]
    for chart in charts:
        assert 0.2 < share(pixels(chart), WHITE) < 0.98


def test_texts_are_shown_as_they_are() -> None:
    title = r"$\frac{1}{" + "x" * 200 + " 温度 \ud800\x1b"
    chart = chart_of([series_of("line", ["$a", "b$"], [1, 2], "_$^")], title=title, y_label="$%")
    assert len(chart.title) == 120
    assert share(pixels(chart), WHITE) > 0.5


def test_settings_of_the_user_do_not_change_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib

    chart = chart_of([series_of("bar", ["a"], [1])], title="T")
    before = png_of("plot_chart", chart)
    monkeypatch.setitem(matplotlib.rcParams, "text.usetex", True)
    monkeypatch.setitem(matplotlib.rcParams, "figure.facecolor", "red")
    assert png_of("plot_chart", chart) == before
    assert matplotlib.rcParams["figure.facecolor"] == "red"


def test_drawing_leaves_no_state_of_pyplot_behind() -> None:
    import sys

    png_of("plot_chart", chart_of([series_of("bar", ["a"], [1])]))
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("bar", ["a"], [1, 2]), "give as many of both"),
        (("tower", [1], [2]), "There is no chart of kind 'tower'"),
        (("line", [1, None], [1, 2]), "x must not have missing values"),
        (("line", [1], [float("inf")]), "too great"),
        (("line", [1], [10**400]), "not a number"),
        (("line", [1], ["x" * 500]), "not a number"),
        (("line", [], []), "no values"),
        (("line", None, [None]), "no values"),
        (("line", None, None), "no values"),
        (("line", None, "abc"), "must be a list"),
        (("pie", ["a"], [0]), "nor all of them 0"),
        (("pie", None, [1] * 41), "at most 40"),
        (("bar", None, [1] * 501), "at most 500"),
    ],
)
def test_what_cannot_be_drawn_is_sent_back(arguments: tuple[Any, ...], problem: str) -> None:
    with pytest.raises(ToolRetryError, match=problem):
        series_of(*arguments)


def test_series_that_do_not_go_together_are_sent_back() -> None:
    pie, line = series_of("pie", ["a"], [1]), series_of("line", [1], [1])
    histogram = series_of("histogram", [1])
    for parts, problem in (
        ([], "1 to 12 series"),
        ([line] * 13, "1 to 12 series"),
        ([pie, line], "one series"),
        ([histogram, line], "cannot be mixed"),
        ([series_of("line", None, [1] * 6000)] * 2, "at most 10,000 points"),
    ):
        with pytest.raises(ToolRetryError, match=problem):
            chart_of(parts)
    with pytest.raises(ToolRetryError, match="bins"):
        chart_of([histogram], bins=10**9)


def test_a_chart_survives_json() -> None:
    chart = chart_of(
        [series_of("bar", ["a", 2], [1, None], "n"), series_of("line", ["a", "b"], [True, 2.5])],
        title="T",
        x_label="x",
        y_label="y",
    )
    assert chart_of(**json.loads(json.dumps(chart.as_json()))) == chart
    assert chart.series[0] == Series("bar", (1.0, None), ("a", "2"), "n")


def test_saved_charts_get_free_names_and_leave_no_reservation(tmp_path: Path) -> None:
    charts = [chart_of([series_of("bar", ["a"], [1])], title="Fruit")] * 2
    charts.append(chart_of([series_of("line", [1], [1])]))
    saved = save_charts("plot_chart", charts, api_with(tmp_path))
    names = ["2026-11-24 14.05 fruit.png", "2026-11-24 14.05 fruit 2.png"]
    names.append("2026-11-24 14.05 line-chart.png")
    assert [path.name for path in saved] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    assert api_with(tmp_path).pictures.settings(saved[0])["Title"] == "Fruit"


def test_a_folder_that_cannot_be_written_is_a_plain_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ToolFailedError, match="the chart could not be saved"):
        save_charts("x", [chart_of([series_of("bar", ["a"], [1])])], api_with(tmp_path / "file"))


def test_the_tool_draws_and_names_its_picture(tmp_path: Path) -> None:
    api = api_with(tmp_path)
    told = plot_chart(labels=["a", "b"], values=[1, 2], title="Two", api=api)
    assert told == "Drew a bar chart of 2 values and saved it as 2026-11-24 14.05 two.png."
    assert "a line chart of 2" in plot_chart(labels=["1", "2"], values=[1, 2], api=api)
    assert "a histogram of 3" in plot_chart("histogram", ["a"], [1, 2, 2], api=api)
    assert "a bar chart of 4" in plot_chart(
        "bar", ["a", "b"], series={"x": [1, 2], "y": [3, None]}, api=api
    )
    with pytest.raises(ToolRetryError, match="no values to draw"):
        plot_chart("bar", ["a"], api=api)
    with pytest.raises(ToolFailedError, match="without the folder"):
        plot_chart("bar", ["a"], [1])
