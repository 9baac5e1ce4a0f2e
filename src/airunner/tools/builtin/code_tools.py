"""Tools that write code with the code model."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.models.spec import ModelCapability
from airunner.tools.tool import tool
from airunner.tools.user_words import Named, RequestText

_CODE_TOKENS = 1024
_LANGUAGE_NAMES = """
Bash C++ C# CSS Go Haskell HTML Java JavaScript Kotlin Lua PHP Python Ruby Rust Scala SQL Swift
TypeScript
"""
_LANGUAGES = tuple(_LANGUAGE_NAMES.split())


@tool(
    permission="read",
    keywords=("code", "coding", "script", "snippet", "regex", "sql query", "html page"),
    topics=(
        "function",
        "program",
        "programming",
        "implement",
        "algorithm",
        "class",
        *_LANGUAGES,
    ),
    examples=(
        "write a python function that reverses a string",
        "generate code for a binary search in rust",
        "write a bash script that renames files",
        "implement a stack class in java",
        "create an sql query that counts orders",
        "write a regex that matches dates",
        "code a small html page",
        "write a javascript program",
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
    result: str | None = None
    if api is not None:
        result = api.use_specialized_model(
            ModelCapability.CODE_GENERATION, prompt, max_tokens=_CODE_TOKENS
        )
    if not result:
        raise ToolFailedError(
            "generate_code", "the code model could not be used, so no code was written"
        )
    return result.strip()
