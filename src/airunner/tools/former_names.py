"""Names that built-in tools had once, so that people's permission rules go on to hold.

Owns the table of them. A rule with an old name speaks of those calls of the new
tool that the old one made. No tool can be called by an old name; who tries is told
the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Former:
    """What became of a tool.

    Attributes:
        now: the tool that does its work.
        where: the arguments that a call of ``now`` then has: patterns of text, by name.
        in_rules: whether rules about it hold for ``now``. Not where that tool may do
            more: who let numbers be drawn has not let scripts run.
    """

    now: str
    where: Mapping[str, str] = field(default_factory=dict)
    in_rules: bool = True


_SOMETHING = "?*"

FORMER: Mapping[str, Former] = {
    "list_models": Former("about_airunner", {"what": "models"}),
    "show_memory": Former("about_airunner", {"what": "memory"}),
    "explain_last_decision": Former("about_airunner", {"what": "decisions"}),
    "show_settings": Former("about_airunner", {"what": "settings"}),
    "days_between": Former("calculate_date", {"end": _SOMETHING}),
    "shift_date": Former("calculate_date", {"end": ""}),
    "describe_date": Former("calculate_date", {"end": ""}),
    "list_conversations": Former("search_conversations", {"query": ""}),
    "list_notes": Former("search_notes", {"query": ""}),
    "append_to_note": Former("change_note", {"replace": "false"}),
    "search_document": Former("search_documents", {"file": _SOMETHING}),
    "answer_from_document": Former("search_documents", {"file": _SOMETHING}),
    "describe_table": Former("query_table", {"sql": ""}),
    "statistics_of": Former("run_python", in_rules=False),
    "random_number": Former("run_python", in_rules=False),
}
"""Every name that has been given up, with what does its work."""


def names_of_call(tool: str, arguments: Mapping[str, str]) -> tuple[str, ...]:
    """The name that a call has in rules and those it had once; ``arguments`` as text."""
    return (
        tool,
        *(
            old
            for old, former in FORMER.items()
            if former.now == tool and former.in_rules and _fits(arguments, former.where)
        ),
    )


def name_now(name: str) -> str:
    """The tool that does the work of the one that was called ``name``; empty if none was."""
    former = FORMER.get(name)
    return former.now if former else ""


def _fits(arguments: Mapping[str, str], where: Mapping[str, str]) -> bool:
    return all(fnmatchcase(arguments.get(name, ""), wanted) for name, wanted in where.items())
