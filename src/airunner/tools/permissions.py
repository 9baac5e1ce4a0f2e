"""What a tool may do without being asked about: rules in, a decision out.

Owns how rules are matched and which of several wins, and asks the disk for nothing but where
links lead. Asking the user is ``airunner.agent.approvals``, and how a rule is written is in
``config.values``.

Arguments come from a model, so a rule that allows is read narrowly and a rule
that denies widely. What names a file or an address is matched by what the tool will
resolve it to (``meaning``), as is what an answer of "always" covers, and by where the links of
a rule that denies lead (``linked_rules``); what tools of other programs may take an argument for
is said by ``foreign_names``; other arguments are text.
Rules about tools that have another name now are matched through ``former_names``.
"""

from __future__ import annotations

import json
import os.path
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import chain
from typing import Any, Literal, cast

from airunner.config.values import call_pattern, permission_rules
from airunner.tools.foreign_names import ForeignNames
from airunner.tools.former_names import names_of_call
from airunner.tools.linked_rules import led_to
from airunner.tools.meaning import Meaning, MeantCall
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
_LONGEST_NAME = 4096
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

    def matches(self, name: str, permission: Permission, call: _Spelled) -> bool:
        """Whether this rule speaks of the call, by the tool's name or one it had once."""
        if self.name != f"@{permission}":
            text = {key: spellings.exact[0] for key, spellings in call.items()}
            if not any(fnmatchcase(each, self.name) for each in names_of_call(name, text)):
                return False
        return all(
            key in call and self._fits(call[key], wanted, permission)
            for key, wanted in self.arguments
        )

    def _fits(self, value: _Spellings, wanted: str, permission: Permission) -> bool:
        if wanted == "*" or wanted in value.exact:
            return True
        if self.decision == "deny":
            # Links are looked up only where the rule's own words do not fit already.
            named = chain([wanted], led_to(wanted, value.folder) if value.folder else ())
            patterns = (spelled for each in named for spelled in _pattern_spellings(each))
            return any(fnmatchcase(each, one) for one in patterns for each in value.wide)
        if any(".." in _SLASHES.split(each) for each in value.wide):
            return False  # notes/* must not let notes/../.ssh/config pass
        if permission == "execute" and _SHELL.search(value.exact[0]):
            return False  # nor "git *" let "git log; rm -r ~" pass
        if not value.is_clear(wanted):
            return False
        return any(fnmatchcase(each, wanted) for each in value.exact)


class _Spellings:
    """An argument as rules see it: as it is, and in every spelling that may be taken for it."""

    def __init__(
        self,
        value: Any,
        meaning: Meaning | None,
        written: str,
        names: ForeignNames | None,
        *,
        is_place: bool,
    ) -> None:
        text = _as_text(value)
        self.exact = (text, *(meaning.same if meaning else ()))
        self._near = (*self.exact, *(meaning.near if meaning else ()), written)
        self._value, self._names, self._is_place = value, names, is_place
        self.folder = names.folder if names else meaning.folder if meaning else ""

    @cached_property
    def wide(self) -> frozenset[str]:
        """Made where a rule asks: an argument may be a whole book."""
        foreign = self._names.spellings(self._value) if self._names else ()
        wide = {_folded(each) for each in (*self._near, *foreign)}
        wide |= {_flat(each) for each in wide if each}
        # secret/* is about the folder too.
        return frozenset(wide | {f"{each}/" for each in wide if each})

    def is_clear(self, pattern: str) -> bool:
        """Whether what fits ``pattern`` is no name that leads elsewhere, as far as can be seen."""
        if self._names is None or not self._is_place:
            return True
        return self._names.is_clear(self._value, pattern)


_Spelled = Mapping[str, _Spellings]


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

    def decide(self, tool: Tool, call: MeantCall) -> Verdict:
        """What to do about a call.

        The most specific rule wins, and of two alike the stricter one. The
        user's rules come before what the tool itself says, and that before the
        defaults, however specific those are.
        """
        spelled = _spelled(tool, call)
        for rules in (self._own, self._defaults):
            if rules is self._defaults and tool.approval:
                return Verdict(tool.approval, tool.name)
            found = [rule for rule in rules if rule.matches(tool.name, tool.permission, spelled)]
            if found:
                best = max(found, key=lambda rule: rule.rank)
                return Verdict(best.decision, best.pattern)
        return Verdict("ask", "")

    def by_class(self, tool: Tool) -> Decision:
        """What becomes of a call of ``tool`` without arguments, which rules may be about."""
        return self.decide(tool, MeantCall.of({})).decision

    @property
    def look_at_arguments(self) -> bool:
        """Whether a rule of the user's says more than a tool's name."""
        return any(rule.arguments for rule in self._own)


def scope_of(tool: Tool, call: MeantCall) -> str:
    """What an answer of "always" to this call covers, as a rule is written.

    The same tool; for a name, what is around it: the files of the same folder, the pages of
    the same host; and every switch as it is in this call. All else may differ.
    """
    given = call.arguments.as_json | (_defaults_of(tool) | call.arguments.as_json)
    parts = []
    for name, value in given.items():
        if name in call.meanings:
            parts.append(f"{name}={_in_scope(call.meanings[name].around)}")
        elif tool.names and (around := tool.names.around(name, value)):
            parts.append(f"{name}={_in_scope(around)}")
        elif isinstance(value, bool):
            parts.append(f"{name}={_as_text(value)}")
    return f"{tool.name}({', '.join(parts)})" if parts else tool.name


def _in_scope(pattern: str) -> str:
    """Quoted where it could be taken for more of a rule than its own part."""
    return json.dumps(pattern, ensure_ascii=False) if set(pattern) & set(',()="') else pattern


def _defaults_of(tool: Tool) -> dict[str, Any]:
    properties = tool.decoding["properties"]
    return {name: value["default"] for name, value in properties.items() if "default" in value}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _spelled(tool: Tool, call: MeantCall) -> _Spelled:
    given = {**_defaults_of(tool), **call.arguments.as_json}
    return {
        name: _Spellings(
            value,
            call.meanings.get(name),
            _as_text(call.written.get(name, value)),
            tool.names,
            is_place=tool.names is not None and name in tool.names.places,
        )
        for name, value in given.items()
    }


def _pattern_spellings(pattern: str) -> set[str]:
    """A pattern of a rule that denies; as a path too, where it is one.

    Who names a folder means what is in it, and who has a bracket in a name no set of letters.
    """
    found = {_folded(pattern)}
    if "://" not in pattern:
        found |= {_flat(_folded(each)) for each in (pattern, os.path.expanduser(pattern))}
    found |= {each.replace("[", "[[]") for each in found}
    return found | {f"{each.rstrip('/')}/*" for each in found}


def _folded(text: str) -> str:
    """Without what a reader of names may not see: blanks around it, case, kinds of letters."""
    if len(text) <= _LONGEST_NAME:  # what is longer is no name, and takes long to normalize
        text = unicodedata.normalize("NFKC", text)
    return text.strip().casefold()


def _flat(value: str) -> str:
    """A path without detours, so that ``a/../secret`` is seen for what it is."""
    return posixpath.normpath(_SLASHES.sub("/", value))
