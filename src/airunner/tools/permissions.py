"""What a tool may do without being asked about: rules in, a decision out.

Owns how rules are matched and which of several wins. Pure: asking the user is
``airunner.agent.approvals``, and how a rule is written is in ``setting_values``.

Arguments come from a model, so a rule that allows is read narrowly and a rule
that denies widely. A pattern compares text: what a path leads to (a symbolic
link, another working directory) is for the tool to check. Rules about tools that have
another name now are matched through ``former_names``.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal, cast

from airunner.config.values import call_pattern, permission_rules
from airunner.tools.former_names import names_of_call
from airunner.tools.tool import Permission, Tool

Decision = Literal["allow", "ask", "deny"]

DEFAULT_RULES: tuple[tuple[str, Decision], ...] = (
    ("@read", "allow"),
    ("@write", "ask"),
    ("@network", "ask"),
    ("@execute", "ask"),
    # A picture more in a folder made for pictures is what was asked for, and takes nothing away.
    ("generate_image", "allow"),
    ("vary_image", "allow"),
    ("transform_image", "allow"),
)
"""What holds where no rule of the user's says otherwise, as (pattern, decision)."""

_STRICTNESS: Mapping[str, int] = {"allow": 0, "ask": 1, "deny": 2}
_SHELL = re.compile(r"[;&|<>`$\n\r]")
_SLASHES = re.compile(r"[/\\]+")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision, and the pattern of the rule that made it."""

    decision: Decision
    rule: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A decision about the calls that match.

    Attributes:
        name: a tool's name, or a pattern of names, or ``@`` and a permission class.
        arguments: names with the pattern that each one's value must match.
    """

    pattern: str
    name: str
    arguments: tuple[tuple[str, str], ...]
    decision: Decision

    @classmethod
    def read(cls, pattern: str, decision: Decision) -> Rule:
        """A rule as it is written: ``write_file(path=notes/*)``.

        Raises:
            ValueError: the pattern is not one.
        """
        return cls(pattern, *call_pattern(pattern), decision)

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """The greater wins: arguments before names, names before classes, then the stricter."""
        is_class = self.name.startswith("@")
        is_exact = not is_class and not set(self.name) & set("*?[")
        return (len(self.arguments) > 0, not is_class, is_exact, _STRICTNESS[self.decision])

    def matches(self, name: str, permission: Permission, arguments: Mapping[str, Any]) -> bool:
        """Whether this rule speaks of the call, by the tool's name or one it had once."""
        if self.name != f"@{permission}":
            text = {key: _as_text(value) for key, value in arguments.items()}
            if not any(fnmatchcase(each, self.name) for each in names_of_call(name, text)):
                return False
        return all(
            key in arguments and self._fits(_as_text(arguments[key]), wanted, permission)
            for key, wanted in self.arguments
        )

    def _fits(self, value: str, wanted: str, permission: Permission) -> bool:
        if wanted == "*" or value == wanted:
            return True
        if self.decision == "deny":
            folded = wanted.casefold()
            seen = (value.casefold(), _flat(value).casefold())
            return any(fnmatchcase(each, folded) for each in seen)
        if ".." in _SLASHES.split(value):
            return False  # notes/* must not let notes/../.ssh/config pass
        if permission == "execute" and _SHELL.search(value):
            return False  # nor "git *" let "git log; rm -r ~" pass
        return fnmatchcase(value, wanted)


class Permissions:
    """The user's rules over the defaults.

    Args:
        rules: (pattern, decision) pairs, in any order.

    Raises:
        ValueError: a pattern or a decision is not one.
    """

    def __init__(self, rules: Iterable[tuple[str, str]] = ()) -> None:
        self.replace(rules)
        self._defaults = [Rule.read(pattern, decision) for pattern, decision in DEFAULT_RULES]

    def replace(self, rules: Iterable[tuple[str, str]]) -> None:
        """Take other rules in place of the user's, from the next call on. From any thread.

        Raises:
            ValueError: a pattern or a decision is not one; the rules stay as they are.
        """
        own = permission_rules(tuple(rules))
        self._own = [Rule.read(pattern, cast(Decision, decision)) for pattern, decision in own]

    def decide(self, tool: Tool, arguments: Mapping[str, Any]) -> Verdict:
        """What to do about a call with these (validated) arguments.

        The most specific rule wins, and of two alike the stricter one. The
        user's rules come before what the tool itself says, and that before the
        defaults, however specific those are.
        """
        given = {**_defaults_of(tool), **arguments}
        for rules in (self._own, self._defaults):
            if rules is self._defaults and tool.approval:
                return Verdict(tool.approval, tool.name)
            found = [rule for rule in rules if rule.matches(tool.name, tool.permission, given)]
            if found:
                best = max(found, key=lambda rule: rule.rank)
                return Verdict(best.decision, best.pattern)
        return Verdict("ask", "")

    def may_run_unasked(self, tool: Tool) -> bool:
        """Whether calls of ``tool`` are allowed whatever their arguments, but for exceptions."""
        return self.decide(tool, {}).decision == "allow"


def _defaults_of(tool: Tool) -> dict[str, Any]:
    properties = tool.decoding["properties"]
    return {name: value["default"] for name, value in properties.items() if "default" in value}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _flat(value: str) -> str:
    """A path without detours, so that ``a/../secret`` is seen for what it is."""
    return posixpath.normpath(_SLASHES.sub("/", value))
