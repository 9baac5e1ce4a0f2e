"""The Berkeley Function Calling Leaderboard's cases as tools and requests of ours.

Reads the data of the installed package ``bfcl-eval`` and judges with its own
checker. Install it with ``pip install --no-deps bfcl-eval==2026.3.23``.

Its schemas say ``dict``, ``float`` and ``tuple``; here they become JSON Schema.
Its names have dots, which ours may not; ``Case.original`` leads back.
"""

from __future__ import annotations

import importlib.util
import json
import random
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from airunner.messages import ToolCall
from airunner.tools.json_form import JsonForm
from airunner.tools.tool import Tool

CATEGORIES = ("simple_python", "multiple", "parallel", "irrelevance")
LIVE = ("live_simple", "live_multiple")
"""Requests that people wrote to real products."""
_TYPES = {
    "dict": "object",
    "float": "number",
    "tuple": "array",
    "list": "array",
    "double": "number",
}
_MODEL = "plain"
_KEPT = ("description", "enum", "minimum", "maximum", "minItems", "maxItems", "format")


def first_problem(schema: Mapping[str, Any], value: Any) -> str:
    """What ``jsonschema-rs`` has against ``value``; empty if nothing."""
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)
    error = next(validator.iter_errors(value), None)
    return "" if error is None else str(error.message)


@dataclass(frozen=True)
class Case:
    """One request. ``answers`` are BFCL's accepted calls; empty where none should be made."""

    id: str
    category: str
    text: str
    functions: Sequence[Mapping[str, Any]]
    answers: Sequence[Mapping[str, Any]] = ()
    tools: Sequence[Tool] = field(default=())

    @property
    def number(self) -> int:
        """Its place in the category; even ones are for tuning."""
        return int(self.id.rpartition("_")[2].partition("-")[0])

    def original(self, name: str) -> str:
        """BFCL's spelling of a tool's name."""
        return next((f["name"] for f in self.functions if our_name(f["name"]) == name), name)

    def is_right_function(self, calls: Sequence[ToolCall]) -> bool:
        """Whether the calls are of the wanted functions, in any order."""
        wanted = sorted(name for answer in self.answers for name in answer)
        return sorted(self.original(call.name) for call in calls) == wanted

    def is_right(self, calls: Sequence[ToolCall]) -> bool:
        """Whether BFCL's checker accepts the calls."""
        output = [{self.original(call.name): dict(call.arguments)} for call in calls]
        kind = "simple_python" if self.category.startswith("simple") else self.category
        return bool(output) and _check(list(self.functions), output, list(self.answers), kind)


def load(category: str) -> list[Case]:
    """The cases of one category, in order."""
    data = _package() / "data"
    answers: dict[str, Any] = {}
    possible = data / "possible_answer" / f"BFCL_v4_{category}.json"
    if possible.is_file():
        answers = {row["id"]: row["ground_truth"] for row in _rows(possible)}
    return [
        Case(
            row["id"],
            category,
            row["question"][0][-1]["content"],
            row["function"],
            answers.get(row["id"], ()),
            tuple(as_tool(function) for function in row["function"]),
        )
        for row in _rows(data / f"BFCL_v4_{category}.json")
    ]


def with_distractors(case: Case, pool: Sequence[Mapping[str, Any]], count: int, seed: int) -> Case:
    """``case`` among tools of other cases, ``count`` in all, in an order of their own."""
    own = {function["name"] for function in case.functions}
    names = {our_name(name) for name in own}
    others = [f for f in pool if our_name(f["name"]) not in names]
    chance = random.Random(f"{case.id} {seed}")
    functions = [*case.functions, *chance.sample(others, count - len(case.functions))]
    chance.shuffle(functions)
    tools = tuple(as_tool(function) for function in functions)
    return Case(case.id, f"{case.category}", case.text, functions, case.answers, tools)


def all_functions(cases: Sequence[Case]) -> list[Mapping[str, Any]]:
    """Every function of ``cases``, each name once."""
    return list({our_name(f["name"]): f for case in cases for f in case.functions}.values())


def as_tool(function: Mapping[str, Any]) -> Tool:
    """A function of BFCL as a tool."""
    schema = json_schema(function["parameters"])
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    schema["additionalProperties"] = False
    schema.pop("description", None)
    name = our_name(function["name"])
    return Tool(_done, name=name, description=function["description"], form=JsonForm(name, schema))


def _done(**_: Any) -> str:
    return "done"


def our_name(name: str) -> str:
    """A name with letters, digits, ``_`` and ``-`` only, which begins with a letter."""
    plain = "".join(c if c.isalnum() or c in "_-" else "_" for c in name)
    return plain.lstrip("_-0123456789")[:64]


def json_schema(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node of BFCL's own dialect as JSON Schema."""
    kind = _TYPES.get(node.get("type", ""), node.get("type"))
    schema: dict[str, Any] = {} if kind in (None, "any") else {"type": kind}
    schema |= {key: node[key] for key in _KEPT if key in node}
    if "default" in node and node["default"] is not None:
        schema["default"] = node["default"]
    if kind == "array":
        # An enum beside an array is meant for its items.
        items = json_schema(node.get("items") or {})
        if "enum" in schema and "enum" not in items:
            items["enum"] = schema.pop("enum")
        schema["items"] = items
    if properties := node.get("properties"):
        schema["properties"] = {name: json_schema(child) for name, child in properties.items()}
        schema["required"] = [n for n in node.get("required", ()) if n in properties]
        schema["additionalProperties"] = False
    return schema


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def _package() -> Path:
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps bfcl-eval==2026.3.23 jsonschema-rs")
    return Path(spec.origin).parent


def _check(functions: list[Any], output: list[Any], answers: list[Any], category: str) -> bool:
    checker, language = _checker()
    verdict = checker(functions, output, answers, language, category, _MODEL)
    return bool(verdict["valid"])


@cache
def _checker() -> tuple[Callable[..., dict[str, Any]], Any]:
    # The checker asks this table how a model writes names; importing the real one would
    # need the libraries of every provider there is.
    table = types.ModuleType("bfcl_eval.constants.model_config")
    plain = types.SimpleNamespace(underscore_to_dot=False)
    table.MODEL_CONFIG_MAPPING = {_MODEL: plain}  # type: ignore[attr-defined]
    sys.modules.setdefault(table.__name__, table)
    from bfcl_eval.constants.enums import Language
    from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker

    return ast_checker, Language.PYTHON
