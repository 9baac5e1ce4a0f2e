"""Tools for program code: write and change it with the code model; check and run it.

Owns the prompts for the code model. Running, checking and the words for their results
are ``toolbox.code.sandbox``.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from airunner.errors import StorageError, ToolFailedError, ToolRetryError
from airunner.errors.system_words import system_words
from airunner.models.spec import ModelCapability
from airunner.toolbox.code.sandbox.script import Sandbox
from airunner.toolbox.code.sandbox.source import script_in
from airunner.toolbox.code.sandbox.telling import told
from airunner.toolbox.text.asking import ask
from airunner.tools.api import ToolApi
from airunner.tools.files_folder import file_meant
from airunner.tools.passages import estimated_tokens
from airunner.tools.real_path import open_real
from airunner.tools.tool import tool

CODE_TOKENS = 1024
"""The most tokens that the code model answers with."""
_MOST_CODE_TOKENS = 4000
_LONGEST_SCRIPT = 20_000
_LARGEST_FILE_BYTES = 1 << 20
_MOST_FINDINGS = 12


_Script = Annotated[str, Field(max_length=_LONGEST_SCRIPT)]


@tool(permission="read", uses=(ModelCapability.CODE_GENERATION,))
def generate_code(
    description: str,
    language: Annotated[str, Field(max_length=40)] = "Python",
    api: Any = None,
) -> str:
    """Write program code from a description.

    Args:
        description: what the code is to do.
        language: the programming language to write it in, such as Python.
    """
    if not description.strip():
        raise ToolRetryError("description is empty; say what the code is to do.")
    prompt = code_prompt(description, language)
    result = ask(api, ModelCapability.CODE_GENERATION, prompt, CODE_TOKENS)
    if not result:
        raise ToolFailedError(
            "generate_code", "the code model could not be used, so no code was written"
        )
    return result


def code_prompt(description: str, language: str) -> str:
    """What the code model is asked for; Python where no ``language`` is named."""
    return (
        f"Write {language.strip() or 'Python'} code for this request. Reply with one code block "
        f"and, below it, at most two sentences on how to use it.\n\nRequest: {description.strip()}"
    )


@tool(permission="read", uses=(ModelCapability.CODE_EDITING,))
def edit_code(
    code: str,
    instruction: Annotated[str, Field(max_length=2000)],
    api: Any = None,
) -> str:
    """Change given program code as told, for example fix or refactor it.

    Args:
        code: the whole code that is to be changed.
        instruction: what is to be changed.
    """
    code, instruction = _given_code(code), instruction.strip()
    if not instruction:
        raise ToolRetryError("instruction is empty; say what is to be changed in the code.")
    prompt = (
        "Change the code below as the instruction says and leave the rest as it is. Reply with "
        "the whole changed code in one code block and, below it, at most two sentences on what "
        f"was changed.\n\nInstruction: {instruction}\n\n```\n{code}\n```"
    )
    room = max(CODE_TOKENS, estimated_tokens(code) * 3 // 2)
    for capability in (ModelCapability.CODE_EDITING, ModelCapability.CODE_GENERATION):
        if answer := ask(api, capability, prompt, room):
            return answer
    raise ToolFailedError(
        "edit_code", "the code model could not be used, so the code was not changed"
    )


@tool(permission="execute", needs=("pydantic_monty",), resolve={"file": file_meant})
def run_python(
    code: _Script,
    file: Annotated[str, Field(max_length=255)] = "",
    api: Any = None,
) -> str:
    """Run a Python script in a sandbox and return what it prints; plot(kind, x, y) draws charts.

    Args:
        code: the script, which prints its results. It may import math, statistics, random,
            datetime and json, and has no network and no packages. Charts are drawn with
            plot("bar", ["a", "b"], [3, 5], title="..."); kinds are line, bar, scatter, pie and
            histogram.
        file: the name of one text file that the script may read with open(name); empty for none.
    """
    name = "run_python"
    script = script_in(code)
    if not script:
        raise ToolRetryError("code is empty; pass the whole script.")
    files = _texts_of(name, file.strip(), api)
    result = Sandbox(name, cancelled=_cancelled(api)).run(script, files)
    return told(name, result, api)


@tool(permission="read", needs=("pydantic_monty",))
def check_python(code: _Script, api: Any = None) -> str:
    """Check Python code for mistakes without running it: syntax, unknown names, wrong types.

    Args:
        code: the whole code that is to be checked.
    """
    script = script_in(code)
    if not script:
        raise ToolRetryError("code is empty; pass the whole code.")
    findings = Sandbox("check_python", cancelled=_cancelled(api)).check(script)
    if not findings:
        return "No mistakes found: the syntax is right and every name is defined."
    lines = script.split("\n")
    shown = [
        f"line {each.line}: {each.message}\n    {lines[each.line - 1].strip()[:160]}"
        if each.line <= len(lines)
        else f"line {each.line}: {each.message}"
        for each in findings[:_MOST_FINDINGS]
    ]
    more = len(findings) - len(shown)
    return "\n".join([*shown, f"({more} more.)"] if more > 0 else shown)


def _given_code(text: str) -> str:
    code = script_in(text)
    if not code:
        raise ToolRetryError("code is empty; pass the whole code that this is about.")
    if estimated_tokens(code) > _MOST_CODE_TOKENS:
        raise ToolRetryError(
            f"The code is too long: at most about {_MOST_CODE_TOKENS * 3:,} characters. Pass the "
            "function that matters."
        )
    return code


def _cancelled(api: ToolApi | None) -> Callable[[], bool]:
    return lambda: api is not None and api.cancelled


def _texts_of(tool: str, file: str, api: Any) -> dict[str, str]:
    """The text of the file that a script may read, by the names it may call it."""
    if not file:
        return {}
    if api is None:
        raise ToolFailedError(tool, "it was called without the folder that files are in (api)")
    try:
        path = api.files.readable(file)
        with open_real(path) as opened:
            data = opened.read(_LARGEST_FILE_BYTES + 1)
        if len(data) > _LARGEST_FILE_BYTES:
            raise ToolRetryError(f"{file!r} is larger than 1 MiB; a script cannot read it.")
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
    except UnicodeDecodeError:
        raise ToolRetryError(f"{file!r} is no text, and a script can read text only.") from None
    except (OSError, StorageError) as error:
        raise ToolFailedError(tool, f"{file!r} could not be read: {system_words(error)}") from error
    return dict.fromkeys((file, f"./{file}", str(path), path.name), text)
