"""Tools for program code: write and change it with the code model; check and run it.

Owns the prompts for the code model. Running, checking and the words for their results
are ``tools.sandbox``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, get_args

from pydantic import Field

from airunner.errors import StorageError, ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.toolbox.code.sandbox.script import Sandbox
from airunner.toolbox.code.sandbox.source import script_in
from airunner.toolbox.code.sandbox.telling import told
from airunner.toolbox.text.asking import ask
from airunner.tools.api import ToolApi
from airunner.tools.passages import estimated_tokens
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import BodyText, FileName, Named, RequestText, UserWords

_CODE_TOKENS = 1024
_MOST_CODE_TOKENS = 4000
_LONGEST_SCRIPT = 20_000
_LARGEST_FILE_BYTES = 1 << 20
_MOST_FINDINGS = 12

_LANGUAGE_NAMES = """
Bash C++ C# CSS Go Haskell HTML Java JavaScript Kotlin Lua PHP Python Ruby Rust Scala SQL Swift
TypeScript
"""
_LANGUAGES = tuple(_LANGUAGE_NAMES.split())

_FILE_NAME: UserWords = get_args(FileName)[1]


class _Wish(UserWords):
    """What is wanted of the text that the request is about; without one, the whole message."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The wish."""
        return request.wish or request.message


class _FileInWish(UserWords):
    """A file that is named beside the code, and not in it: ``math.sqrt`` is no file."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """Its name, where one file is named."""
        if not request.body:
            return None
        return _FILE_NAME.take(Request(request.wish, request.wish), earlier_answer)


_Script = Annotated[BodyText, Field(max_length=_LONGEST_SCRIPT)]


@tool(
    permission="read",
    uses=(ModelCapability.CODE_GENERATION,),
    examples=(
        "write code that plots a curve",
        "write code that sorts a table",
        "show me a python script to rename photos",
        "I need a bash script that empties a folder",
        "write code that draws a circle on a canvas",
        "I need SQL that joins two tables",
        "write a function which sums a list",
        "make a python program that asks for a name",
        "write code that reads XML in C#",
        "write me a JavaScript function to check whether a number is prime",
        "write a program that prints the first 100 primes",
        "implement an algorithm to find the shortest path in a graph",
        "code fizzbuzz in typescript",
        "I want a function that sorts a list of names",
        "create a class for a bank account in python",
        "write a python function that reverses a string",
        "generate code for a binary search in rust",
        "I need a bash script that renames all photos by date",
        "implement a stack class in java",
        "create an sql query that counts orders per customer",
        "can you give me a regex that matches email addresses?",
        "code a small html page with a login form",
        "how would I write a loop in javascript that prints 1 to 10",
        "program a countdown timer in C++",
        "please come up with a script that backs up a folder every night",
    ),
)
def generate_code(
    description: RequestText,
    language: Annotated[str, Field(max_length=40), Named(_LANGUAGES)] = "Python",
    api: Any = None,
) -> str:
    """Write program code from a description.

    Args:
        description: what the code is to do.
        language: the programming language to write it in, such as Python.
    """
    if not description.strip():
        raise ToolRetryError("description is empty; say what the code is to do.")
    language = language.strip() or "Python"
    prompt = (
        f"Write {language} code for this request. Reply with one code block and, below it, "
        f"at most two sentences on how to use it.\n\nRequest: {description.strip()}"
    )
    result = ask(api, ModelCapability.CODE_GENERATION, prompt, _CODE_TOKENS)
    if not result:
        raise ToolFailedError(
            "generate_code", "the code model could not be used, so no code was written"
        )
    return result


@tool(
    permission="read",
    uses=(ModelCapability.CODE_EDITING,),
    examples=(
        "fix the bug in this function: def f(x): retrun x",
        "refactor this code to use a dictionary:",
        "add type hints to this python function:",
        "rename the variable x to total in this code:",
        "can you make this loop faster: for i in range(n):",
        "this script crashes on empty input, please repair it:",
        "rewrite this with async and await:",
        "put comments into the code below:",
        "change this function so that it also accepts a list:",
        "clean up this code, it's too long:",
    ),
)
def edit_code(
    code: BodyText,
    instruction: Annotated[str, Field(max_length=2000), _Wish()],
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
    room = max(_CODE_TOKENS, estimated_tokens(code) * 3 // 2)
    for capability in (ModelCapability.CODE_EDITING, ModelCapability.CODE_GENERATION):
        if answer := ask(api, capability, prompt, room):
            return answer
    raise ToolFailedError(
        "edit_code", "the code model could not be used, so the code was not changed"
    )


@tool(
    permission="execute",
    examples=(
        "run this code: print(2 + 2)",
        "execute the following script and show me the output:",
        'what is the output of this code: print("a" * 3)',
        "run this python for me:",
        "please execute it: for i in range(3): print(i)",
        "what does this print when you run it: print(sum([1, 2]))",
        "try out this script and tell me the result:",
        "let this program run on data.txt and give me what it prints:",
        "can you actually run these lines and see what comes out:",
        "launch this python script in the sandbox:",
    ),
)
def run_python(
    code: _Script,
    file: Annotated[str, Field(max_length=255), _FileInWish()] = "",
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


@tool(
    permission="read",
    examples=(
        "is this valid python: def f(x) return x",
        "are there syntax errors in this script:",
        "check this code for mistakes without running it:",
        "lint this please: import os",
        'will this python compile: print("hi"',
        "type check the following function:",
        "does my code have any undefined names:",
        "look over this script for errors before I run it:",
        "find out whether this snippet is correct python: if x = 3:",
        "did I get the syntax right: for i in range(5) print(i)",
    ),
)
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
        path = api.files.existing(file)
        if path.stat().st_size > _LARGEST_FILE_BYTES:
            raise ToolRetryError(f"{file!r} is larger than 1 MiB; a script cannot read it.")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ToolRetryError(f"{file!r} is no text, and a script can read text only.") from None
    except (OSError, StorageError) as error:
        raise ToolFailedError(tool, f"{file!r} could not be read: {error}") from error
    return {file: text, path.name: text}
