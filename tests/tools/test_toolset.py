"""What is made of a toolset: fewer tools, other names, other approval, and their subjects."""

from __future__ import annotations

import pytest

from airunner import Toolset
from airunner.errors import InvalidToolError, ToolArgumentsError
from airunner.tools.json_form import JsonForm
from airunner.tools.meaning import MeantCall
from airunner.tools.permissions import Permissions
from airunner.tools.tool import Tool, tool


@tool
def look(where: str) -> str:
    """Look."""
    return f"seen {where}"


@tool(permission="write")
def touch(where: str) -> str:
    """Touch."""
    return f"touched {where}"


FOREIGN = Tool(
    touch.function,
    name="foreign",
    description="Touch far away.",
    form=JsonForm("foreign", {"properties": {"where": {"type": "string"}}, "required": ["where"]}),
)
EYES, HANDS = Toolset([look], "eyes"), Toolset([touch, FOREIGN], "hands")


def test_the_sum_keeps_the_order_and_each_tools_subject() -> None:
    both = EYES + HANDS + Toolset()
    assert both.names == ("look", "touch", "foreign")
    assert both.subjects == ("eyes", "hands")
    assert [both.subject_of(name) for name in (*both.names, "none")] == [
        *("eyes", "hands", "hands"),
        "",
    ]
    assert both.of_subjects(["hands"]).names == ("touch", "foreign")
    with pytest.raises(InvalidToolError, match="of this name"):
        both + EYES


def test_some_tools_are_kept_by_name_or_by_what_they_do() -> None:
    both = EYES + HANDS
    assert both.filtered(["foreign", "look", "unknown"]).names == ("look", "foreign")
    reading = both.filtered(lambda each: each.permission == "read")
    assert (reading.names, reading.subjects) == (("look", "foreign"), ("eyes", "hands"))
    assert "touch" not in reading
    assert both.names == ("look", "touch", "foreign"), "the original stays as it is"


def test_a_prefix_is_in_the_schema_and_in_errors() -> None:
    assert EYES.schemas[0].name == "look"
    far = (EYES + HANDS).prefixed("far_")
    assert far.names == ("far_look", "far_touch", "far_foreign")
    assert [schema.name for schema in far.schemas] == list(far.names)
    assert far.subject_of("far_touch") == "hands"
    assert far.get("far_look")("x") == "seen x"
    for each in far:
        with pytest.raises(ToolArgumentsError, match=each.name):
            each.validate({})
    assert look.name == "look"
    with pytest.raises(ToolArgumentsError, match=r"^(?!.*far_look)"):
        look.validate({})
    with pytest.raises(InvalidToolError, match="begins with a letter"):
        EYES.prefixed("4 ")


def test_approval_is_said_by_the_toolset_and_the_users_rules_come_first() -> None:
    where = {"where": "there"}
    rules = Permissions()
    assert rules.decide(touch, MeantCall.of(where)).decision == "ask"
    assert rules.decide(HANDS.approved().get("touch"), MeantCall.of(where)).decision == "allow"
    assert rules.decide(EYES.approved("ask").get("look"), MeantCall.of(where)).decision == "ask"
    strict = Permissions([("@write", "deny")])
    assert (
        strict.decide(HANDS.approved().prefixed("a_").get("a_touch"), MeantCall.of(where)).decision
        == "deny"
    )
    assert HANDS.approved().prefixed("a_").get("a_touch").approval == "allow"
    assert touch.approval is None
