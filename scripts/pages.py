"""Fills the tables in the manual that follow from the code: settings, tools, models.

A table stands between ``<!-- code:NAME -->`` and ``<!-- /code:NAME -->``. Measured
figures have markers of their own; ``benchmarks.readme`` fills those.

Run: ``python -m scripts.pages [--check]``; with ``--check`` nothing is written and the
exit status says whether every page is up to date.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping

from benchmarks.readme import PAGES

from airunner.agent.tool_calling.tool_block import CORE_TOOLS
from airunner.components.llm.config.model_capabilities import CAPABILITY_TO_MODEL, MODEL_REGISTRY
from airunner.components.llm.tools.image_tools import image_toolset
from airunner.config.byte_size import format_bytes
from airunner.config.settings import SETTINGS, Settings
from airunner.models.assign import declared_bytes
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.former_names import FORMER
from airunner.tools.permissions import Permissions

SECTION = re.compile(r"(<!-- code:(\w+) -->\n).*?(<!-- /code:\2 -->)", re.DOTALL)

PERSONAL_DEFAULTS = {
    "home": "the user's data folder",
    "pictures": "`AI Runner` in the user's pictures",
    "files": "`AI Runner` in the user's documents",
}
"""Defaults that are another path for every user."""

_RUNS = {"allow": "unasked", "ask": "if you agree", "deny": "never"}


def settings() -> list[str]:
    """Every setting, in the order in which ``airunner doctor`` shows them."""
    defaults = Settings()
    lines = ["| flag | meaning | default |", "|---|---|---|"]
    for name, setting in SETTINGS.items():
        usage = f"{setting.flag} {setting.metavar}".strip().replace("|", "\\|")
        unusual = not setting.variable.startswith("AIRUNNER_")
        meaning = setting.help + (f" (variable `{setting.variable}`)" if unusual else "")
        default = PERSONAL_DEFAULTS.get(name) or defaults.shown(name)
        lines.append(f"| `{usage}` | {meaning} | {default} |")
    return lines


def tools() -> list[str]:
    """Every built-in tool, in the order of ``airunner tools list``."""
    rules = Permissions(())
    lines = ["| tool | core | what it does | class | runs |", "|---|---|---|---|---|"]
    for tool in builtin_toolset() + image_toolset():
        runs = _RUNS[rules.by_class(tool)]
        description = tool.description.replace("|", "\\|")
        core = "*" if tool.name in CORE_TOOLS else ""
        lines.append(f"| `{tool.name}` | {core} | {description} | {tool.permission} | {runs} |")
    return lines


def former() -> list[str]:
    """Every name that a built-in tool had once."""
    lines = ["| once | now | its rules |", "|---|---|---|"]
    for old, what in FORMER.items():
        where = ", ".join(f"{name}={text or '(empty)'}" for name, text in what.where.items())
        rules = f"hold where `{where}`" if where else "hold" if what.in_rules else "do not hold"
        lines.append(f"| `{old}` | `{what.now}` | {rules} |")
    return lines


def models() -> list[str]:
    """Every registered model, in the order of ``airunner models list``; mapped ones in bold."""
    mapped = set(CAPABILITY_TO_MODEL.values())
    lines = ["| model | serves | memory | licence |", "|---|---|---:|---|"]
    for name, spec in MODEL_REGISTRY.items():
        shown = f"**{name}**" if name in mapped else name
        serves = ", ".join(spec.capabilities).replace("_", " ")
        memory = format_bytes(declared_bytes(spec) or 0)
        licence = f"{spec.license}, gated" if spec.gated else spec.license
        lines.append(f"| {shown} | {serves} | {memory} | {licence} |")
    return lines


TABLES: Mapping[str, Callable[[], list[str]]] = {
    "settings": settings,
    "tools": tools,
    "former": former,
    "models": models,
}


def filled(text: str) -> str:
    """``text`` with every table made anew."""
    return SECTION.sub(lambda m: m[1] + "\n".join(TABLES[m[2]]()) + "\n" + m[3], text)


def main() -> int:
    """Fill every page, or only compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a change")
    check = parser.parse_args().check
    stale = False
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = filled(before)
        if before != after:
            stale = True
            if not check:
                page.write_text(after, encoding="utf-8")
    return int(check and stale)


if __name__ == "__main__":
    sys.exit(main())
