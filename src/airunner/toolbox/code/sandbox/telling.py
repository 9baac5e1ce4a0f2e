"""What a model learns of a script that ran to its end: its output, its value, its charts."""

from __future__ import annotations

from airunner.errors import ToolFailedError
from airunner.toolbox.charts.drawing import save_charts
from airunner.toolbox.code.sandbox.script import ScriptResult
from airunner.tools.api import ToolApi
from airunner.tools.passages import head_and_tail

_SHOWN_PRINTED_TOKENS = 1200
_SHOWN_VALUE_TOKENS = 400


def told(tool: str, result: ScriptResult, api: ToolApi | None) -> str:
    """What a model learns of a script that ran to its end."""
    parts: list[str] = []
    if printed := result.printed.rstrip():
        parts.append(head_and_tail(printed, _SHOWN_PRINTED_TOKENS))
    if result.omitted:
        parts.append(f"[{result.omitted:,} more characters were printed and not kept.]")
    if result.value is not None:
        parts.append(f"Value of the last line: {head_and_tail(result.value, _SHOWN_VALUE_TOKENS)}")
    if result.charts:
        parts.append(_drawn(tool, result, api))
    return "\n".join(parts) or (
        "The script ran to its end and printed nothing. Print what is wanted."
    )


def _drawn(tool: str, result: ScriptResult, api: ToolApi | None) -> str:
    if api is None:
        return "(The charts were not drawn: there is no pictures folder.)"
    api.report("drawing" if len(result.charts) == 1 else f"drawing {len(result.charts)} charts")
    try:
        saved = save_charts(tool, result.charts, api)
    except ToolFailedError as error:  # what the script printed is worth telling all the same
        return f"(The charts were not drawn: {error.problem}.)"
    names = ", ".join(path.name for path in saved)
    missing = f" Left out of the picture: {', '.join(result.left_out)}." if result.left_out else ""
    if len(saved) == 1:
        return f"Drew a chart and saved it as {names}.{missing}"
    return f"Drew {len(saved)} charts and saved them as {names}.{missing}"
