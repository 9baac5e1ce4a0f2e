"""Which rule speaks of a call, and which of several wins."""

from __future__ import annotations

from typing import Any

import pytest

from airunner.config.settings import Settings
from airunner.errors import SettingsError, UnknownToolError
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.former_names import FORMER
from airunner.tools.meaning import MeantCall
from airunner.tools.permissions import DEFAULT_RULES, Permissions
from airunner.tools.tool import Permission, Tool


def a_tool(name: str, permission: Permission) -> Tool:
    def function(path: str = "", command: str = "", count: int = 1) -> None:
        """Do something."""

    return Tool(function, name=name, permission=permission)


WRITE, RUN = a_tool("write_file", "write"), a_tool("run_command", "execute")


def decision(rules: dict[str, str], tool: Tool, **arguments: Any) -> str:
    return Permissions(rules.items()).decide(tool, MeantCall.of(arguments)).decision


@pytest.mark.parametrize(
    ("permission", "decided"),
    [("read", "allow"), ("write", "ask"), ("network", "ask"), ("execute", "ask")],
)
def test_without_rules_the_class_decides(permission: Permission, decided: str) -> None:
    assert decision({}, a_tool("thing", permission)) == decided
    classes = {pattern for pattern, _ in DEFAULT_RULES if pattern.startswith("@")}
    assert classes == {"@read", "@write", "@network", "@execute"}


@pytest.mark.parametrize(
    ("rules", "decided", "by"),
    [
        ({"write_file": "allow"}, "allow", "write_file"),
        ({"write_*": "allow"}, "allow", "write_*"),
        ({"@write": "deny", "write_*": "allow"}, "allow", "write_*"),
        ({"write_*": "allow", "write_file": "deny"}, "deny", "write_file"),
        ({"write_file": "deny", "write_file(path=notes/*)": "allow"}, "allow",
         "write_file(path=notes/*)"),
        ({"write_file(path=*)": "allow", "write_file(path=notes/s*)": "deny"}, "deny",
         "write_file(path=notes/s*)"),
        ({"write_file(path=other/*)": "allow"}, "ask", "@write"),
        ({"@write": "allow"}, "allow", "@write"),
        ({"@execute": "allow"}, "ask", "@write"),
        ({"write_file(path=notes/*, count=1)": "allow"}, "allow",
         "write_file(path=notes/*, count=1)"),
        ({"write_file(count=2)": "allow"}, "ask", "@write"),
        ({"write_file(unknown=*)": "allow"}, "ask", "@write"),
    ],
)  # fmt: skip
def test_the_most_specific_rule_wins_and_of_two_the_stricter(
    rules: dict[str, str], decided: str, by: str
) -> None:
    for order in (rules, dict(reversed(rules.items()))):
        verdict = Permissions(order.items()).decide(
            WRITE, MeantCall.of({"path": "notes/secret.md"})
        )
        assert (verdict.decision, verdict.rule) == (decided, by)


@pytest.mark.parametrize(
    "path", ["notes/../../.ssh/config", "notes/..", "notes\\..\\x", "other/a", "Notes/a", "notes"]
)
def test_what_is_allowed_is_read_narrowly(path: str) -> None:
    assert decision({"write_file(path=notes/*)": "allow"}, WRITE, path=path) == "ask"
    assert decision({"write_file(path=notes/*)": "allow"}, WRITE, path="notes/a/b.md") == "allow"


@pytest.mark.parametrize("path", ["etc/passwd", "etc/../etc/x", "a/../etc/x", "ETC/x", "etc\\x"])
def test_what_is_denied_is_read_widely(path: str) -> None:
    rules = {"write_file": "allow", "write_file(path=etc/*)": "deny"}
    assert decision(rules, WRITE, path=path) == "deny"
    assert decision(rules, WRITE, path="notes/a") == "allow"


@pytest.mark.parametrize(
    "command", ["git log; rm -r x", "git log && x", "git $(x)", "git `x`", "git log\nx", "git > x"]
)
def test_a_command_pattern_allows_one_command(command: str) -> None:
    rules = {"run_command(command=git *)": "allow"}
    assert decision(rules, RUN, command="git log -3") == "allow"
    assert decision(rules, RUN, command=command) == "ask"
    assert decision({"run_command(command=*)": "allow"}, RUN, command=command) == "allow"


def test_rules_come_from_every_kind_of_setting() -> None:
    written = "@network=allow, write_file(path=notes/*, count=1)=allow,run_*=deny"
    parsed = Settings.load({"permissions": written}, {}).permissions
    assert parsed == (
        ("@network", "allow"),
        ("write_file(path=notes/*, count=1)", "allow"),
        ("run_*", "deny"),
    )
    settings = Settings.load({}, {"AIRUNNER_PERMISSIONS": written})
    assert settings.permissions == parsed
    # What is shown can be read back.
    assert Settings.load({"permissions": settings.shown("permissions")}, {}) == settings


@pytest.mark.parametrize(
    "written",
    ["write_file", "write_file=maybe", "=allow", "@delete=allow", "write_file(path)=allow",
     "write_file(path=a,path=b)=allow", "write_file(=allow", "write file=allow"],
)  # fmt: skip
def test_a_rule_that_says_nothing_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match="permissions"):
        Settings.load({"permissions": written}, {})


@pytest.mark.parametrize(
    ("rules", "name", "arguments", "decided"),
    [
        ({"list_models": "deny"}, "about_airunner", {"what": "models"}, "deny"),
        ({"list_models": "deny"}, "about_airunner", {"what": "memory"}, "allow"),
        ({"append_to_note": "allow"}, "change_note", {"title": "A", "text": "x"}, "allow"),
        ({"append_to_note": "allow"}, "change_note",
         {"title": "A", "text": "x", "replace": True}, "ask"),
        ({"append_*": "allow"}, "change_note", {"title": "A", "text": "x"}, "allow"),
        ({"append_to_note(title=Shop*)": "allow"}, "change_note",
         {"title": "Shopping", "text": "x"}, "allow"),
        ({"append_to_note(title=Shop*)": "allow"}, "change_note",
         {"title": "Bank", "text": "x"}, "ask"),
        ({"days_between": "deny"}, "calculate_date", {"end": "tomorrow"}, "deny"),
        ({"days_between": "deny"}, "calculate_date", {"days": 3}, "allow"),
        ({"search_document": "deny"}, "search_documents", {"query": "x", "file": "a.md"}, "deny"),
        ({"search_document": "deny"}, "search_documents", {"query": "x"}, "allow"),
        ({"statistics_of": "allow"}, "run_python", {"code": "1"}, "ask"),
        ({"random_*": "allow"}, "run_python", {"code": "1"}, "ask"),
    ],
)  # fmt: skip
def test_rules_hold_for_tools_that_have_another_name_now(
    rules: dict[str, str], name: str, arguments: dict[str, Any], decided: str
) -> None:
    assert decision(rules, builtin_toolset().get(name), **arguments) == decided


def test_a_rule_of_an_old_name_never_allows_more_than_it_did() -> None:
    tools = builtin_toolset()
    for old, former in FORMER.items():
        assert old not in tools
        tool = tools.get(former.now)
        assert set(former.where) <= set(tool.parameters["properties"])
        if tool.permission == "execute":
            assert not former.in_rules
    with pytest.raises(UnknownToolError, match="Did you mean about_airunner"):
        tools.get("list_models")
