"""Text that looks like a model's control tokens, made harmless.

A chat template's result is tokenized as a whole, so a web page that contains
``<|im_start|>system`` would begin a message of its own, in anybody's name. What
users and tools say therefore loses the ability to be a control token: an invisible
character breaks the spelling, and nothing else changes.

Which these are is a matter of the loaded model: ``<s>`` is one to Llama 2, and a way to
strike words through to all others. They are the vocabulary's control tokens; those of its
other tokens that its chat template writes (Qwen's ``<tool_call>``); and the marks of the
template that are no tokens (``[INST]`` of Mistral's first models).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from airunner.errors import AiRunnerError
from airunner.models.files.gguf_header import read_header

_BREAK = "\N{ZERO WIDTH NON-JOINER}"
_TOKENS, _TYPES = "tokenizer.ggml.tokens", "tokenizer.ggml.token_type"
_TEMPLATE = "tokenizer.chat_template"
# llama.cpp's ``llama_token_type``: found in a prompt whatever is around them.
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4
_OF_THE_ENGINE = ("<__media",)  # where older servers of llama.cpp put a picture
_MARK = re.compile(r"<\|[^<>|\s]{1,40}\|>|<｜[^<>｜\s]{1,40}｜>|\[/?[A-Z][A-Z_]+\]|<</?SYS>>")


class ControlTokens:
    """The spellings that no text of others may have."""

    def __init__(self, spellings: Iterable[str]) -> None:
        by_beginning: defaultdict[str, list[str]] = defaultdict(list)
        for spelling in {*spellings, *_OF_THE_ENGINE}:
            if len(spelling) > 1:
                by_beginning[spelling[:2]].append(spelling)
        self._by_beginning = {two: tuple(found) for two, found in by_beginning.items()}
        # Looked ahead at, because the next one may begin within one that was found.
        self._beginning = re.compile(
            "|".join(f"{re.escape(two[0])}(?={re.escape(two[1])})" for two in self._by_beginning)
        )

    def harmless(self, text: str) -> str:
        """``text`` in which nothing can be taken for a control token."""

        def broken(found: re.Match[str]) -> str:
            start = found.start()
            spellings = self._by_beginning[text[start : start + 2]]
            return found[0] + _BREAK if text.startswith(spellings, start) else found[0]

        return self._beginning.sub(broken, text)


def read_control_tokens(path: Path, chat_template: str | None = None) -> ControlTokens:
    """Those of the GGUF file at ``path``; ``chat_template`` replaces the file's own.

    Takes some 0.1 s for 150 k tokens. A file that cannot be read has those of the template.
    """
    try:
        metadata = read_header(path, (_TOKENS, _TYPES)).metadata
    except AiRunnerError:
        metadata = {}
    own = metadata.get(_TEMPLATE)
    template = chat_template or (own if isinstance(own, str) else "")
    tokens, types = metadata.get(_TOKENS), metadata.get(_TYPES)
    found = set(_MARK.findall(template))
    if isinstance(tokens, tuple) and isinstance(types, tuple):
        for token, kind in zip(map(str, tokens), types, strict=False):
            is_control = kind in (_UNKNOWN, _CONTROL)
            if is_control or (kind == _USER_DEFINED and _is_mark(token) and token in template):
                found.add(token)
    return ControlTokens(found)


def _is_mark(token: str) -> bool:
    """Whether a token that is found in any text means something: not a run of blanks or a word."""
    return len(token) > 2 and not token.isspace() and not token.isalnum()
