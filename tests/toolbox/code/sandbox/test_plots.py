"""Charts that scripts ask for: by plot(), and by matplotlib's own names."""

from __future__ import annotations

import pytest

from airunner.errors import ToolRetryError
from airunner.toolbox.charts.chart import Chart, Series
from airunner.toolbox.code.sandbox.drawings import MOST_CHARTS
from airunner.toolbox.code.sandbox.script import Sandbox, ScriptResult

SANDBOX = Sandbox("run_python")
PYPLOT = "import matplotlib.pyplot as plt\n"


def charts(code: str) -> tuple[Chart, ...]:
    return SANDBOX.run(code).charts


def pyplot(code: str) -> ScriptResult:
    return SANDBOX.run(PYPLOT + code)


@pytest.mark.parametrize(
    "call",
    [
        'plot("bar", ["a", "b"], [3, 5])',
        'plot("bar", {"a": 3, "b": 5})',
        'plot(kind="bar", x=["a", "b"], y=[3, 5])',
        'd = {"a": 3, "b": 5}\nplot("bar", d.keys(), d.values())',
        f'{PYPLOT}d = {{"a": 3, "b": 5}}\nplt.bar(d.keys(), d.values())',
    ],
)
def test_plot_takes_what_it_is_likely_to_be_given(call: str) -> None:
    assert charts(call) == (Chart((Series("bar", (3.0, 5.0), ("a", "b")),)),)


def test_plot_knows_every_kind_and_several_series() -> None:
    code = """
plot("line", range(3), [1, None, 2], title="T", xlabel="x", y_label="y")
plot([1, 2], [3, 4])
plot("scatter", [1, 2], {"old": [1, 2], "new": [3, 4]})
plot("pie", ["a", "b"], [1, 3])
plot("hist", [1, 2, 2], bins=2)
"""
    line, bare, scatter, pie, histogram = charts(code)
    assert line == Chart(
        (Series("line", (1.0, None, 2.0), (0.0, 1.0, 2.0)),), title="T", x_label="x", y_label="y"
    )
    assert bare.series == (Series("line", (3.0, 4.0), (1.0, 2.0)),)
    assert [(each.name, each.y) for each in scatter.series] == [
        ("old", (1.0, 2.0)),
        ("new", (3.0, 4.0)),
    ]
    assert pie.series[0].kind == "pie"
    assert histogram == Chart((Series("histogram", (1.0, 2.0, 2.0)),), bins=2)


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ('plot("bar", ["a"], [1, 2])', "1 places or labels (x) for 2 values"),
        ('plot("pyramid", [1], [2])', "no chart of kind 'pyramid'"),
        ('plot("bar")', "There are no values to draw"),
        ('plot("line", [1, "two"])', "'two'"),
        ('plot("line", [1, 2], colour="red")', "unexpected keyword argument 'colour'"),
        ('plot("line", list(range(10001)))', "at most 10,000"),
        ('plot("pie", ["a", "b"], [1, -1])', "must not be negative"),
    ],
)
def test_what_cannot_be_drawn_is_told_with_its_line(call: str, problem: str) -> None:
    with pytest.raises(ToolRetryError) as raised:
        charts(f"\n{call}")
    assert problem in raised.value.hint
    assert "line 2: plot(" in raised.value.hint


def test_charts_are_counted() -> None:
    assert len(charts(f"for n in range({MOST_CHARTS}):\n    plot([n], [n])")) == MOST_CHARTS
    with pytest.raises(ToolRetryError, match="at most 8 charts"):
        charts(f"for n in range({MOST_CHARTS + 1}):\n    plot([n], [n])")


def test_a_figure_by_habit_becomes_a_chart() -> None:
    result = pyplot("""
plt.figure(figsize=(8, 4))
plt.plot([1, 2, 3], [4, 5, 6], "b--", label="fit")
plt.scatter([1, 2], [4, 5], color="red", label="seen")
plt.title("Growth")
plt.xlabel("week")
plt.ylabel("cm")
plt.legend()
plt.grid(True)
plt.tight_layout()
plt.savefig("growth.png")
plt.show()
""")
    assert result.charts == (
        Chart(
            (
                Series("line", (4.0, 5.0, 6.0), (1.0, 2.0, 3.0), "fit"),
                Series("scatter", (4.0, 5.0), (1.0, 2.0), "seen"),
            ),
            title="Growth",
            x_label="week",
            y_label="cm",
        ),
    )
    assert result.left_out == ()


def test_each_frame_of_a_figure_becomes_a_chart() -> None:
    result = pyplot("""
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.bar(["a", "b"], [1, 2])
left.set_title("bars")
right.hist([1, 1, 2], bins=2)
right.set_xlabel("x")
fig.tight_layout()
plt.show()
plt.pie([1, 2], labels=["p", "q"], autopct="%d")
""")
    bars, histogram, pie = result.charts
    assert (bars.title, bars.series[0].kind) == ("bars", "bar")
    assert (histogram.x_label, histogram.bins) == ("x", 2)
    assert pie.series == (Series("pie", (1.0, 2.0), ("p", "q")),)


def test_points_several_lines_and_named_ticks_are_understood() -> None:
    (chart,) = pyplot('plt.plot([1, 2], [3, 4], "ro", [1, 2], [5, 6], "-")').charts
    assert [(each.kind, each.y) for each in chart.series] == [
        ("scatter", (3.0, 4.0)),
        ("line", (5.0, 6.0)),
    ]
    (chart,) = pyplot("""
x = range(2)
plt.bar([i - 0.2 for i in x], [1, 2], width=0.4, label="2020")
plt.bar([i + 0.2 for i in x], [3, 4], width=0.4, label="2021")
plt.xticks(x, ["north", "south"])
""").charts
    assert [each.x for each in chart.series] == [("north", "south"), ("north", "south")]


def test_what_the_picture_will_lack_is_said() -> None:
    result = pyplot("plt.plot([1, 2])\nplt.axhline(1)\nplt.yscale('log')\nplt.axhline(2)")
    assert result.left_out == ("axhline", "yscale")


def test_a_mistake_in_a_figure_is_told_with_its_line() -> None:
    with pytest.raises(ToolRetryError, match=r"line 2: plt\.plot") as raised:
        pyplot("plt.plot([1, 2], [1, 2, 3])")
    assert "2 places" in raised.value.hint
    with pytest.raises(ToolRetryError, match="pie chart takes one series"):
        pyplot("plt.pie([1, 2])\nplt.plot([1, 2])")
    with pytest.raises(ToolRetryError, match="at most 8 charts"):
        pyplot("plt.subplots(10**6, 10**6)")
    with pytest.raises(ToolRetryError, match="at most 12 series"):
        pyplot("while True:\n    plt.plot([1])")
