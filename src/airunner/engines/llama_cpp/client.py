"""A model served by llama.cpp over HTTP: the bundled library or a user's llama-server.

Owns the translation of a worker's answers into our values and errors. Starts and
stops no process; the connection is ``connection``, how the messages look on the
wire is ``chat_format``, how slot files reach the disk is ``slot_files``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from airunner.engines.base import CONTEXT_FULL, ChatRequest, Chunk, LoadPlan, SlotState
from airunner.engines.beginning import common_prefix, probes_of
from airunner.engines.connection import Progress, ServedModel, WorkerConnection, encoded
from airunner.engines.llama_cpp.call_syntax import (
    PROBE_CALLED,
    PROBE_PROMPT,
    PROBE_SAID,
    PROBE_TOOL,
    CallSyntax,
    learn,
)
from airunner.engines.llama_cpp.chat_format import (
    AnswerReader,
    EventSplitter,
    messages_json,
    read_json,
    request_body,
)
from airunner.engines.llama_cpp.control_tokens import ControlTokens, read_control_tokens
from airunner.engines.llama_cpp.forced_call import BARE, forced_call, is_forced
from airunner.engines.llama_cpp.passed_request import ChunkJoiner, passed_body, whole_chunk
from airunner.engines.llama_cpp.short_answers import (
    told_pieces,
    told_prompt,
    told_restored,
    told_saved,
    told_vectors,
)
from airunner.engines.llama_cpp.slot_files import (
    borrowed_name,
    check_seal,
    written_whole,
)
from airunner.engines.llama_cpp.tool_schemas import is_enforced, tools_in_request
from airunner.engines.openai_form import complete_by_chat
from airunner.engines.silence import Silence
from airunner.engines.worker_answer import OK
from airunner.errors import (
    ContextOverflowError,
    EngineError,
    GenerationError,
    SharedContextFullError,
    StorageError,
)
from airunner.media import in_words
from airunner.messages import AudioPart, Delta, ImagePart, Message, ToolSchema
from airunner.models.files.projector import read_projector

T = TypeVar("T")
_COUNT_PATH = "/v1/chat/completions/input_tokens"
_SAVE_FAILED = "Unable to save slot"


class LlamaCppModel(ServedModel[LoadPlan]):
    """One loaded model; implements ``engines.base.ChatModel``.

    ``slot_dir`` is the only folder that the worker reads and writes slot states
    in. ``guidance``: see ``request_body``. ``seal`` is the load's fingerprint, see
    ``slot_files``. ``controls`` are the model's, read while it loaded, or when they are needed.
    """

    def __init__(
        self,
        plan: LoadPlan,
        connection: WorkerConnection,
        slot_dir: Path,
        *,
        guidance: bool = False,
        seal: bytes = bytes(16),
        controls: asyncio.Future[ControlTokens] | None = None,
    ) -> None:
        super().__init__(plan, connection)
        self._slot_dir = slot_dir
        self._seal = seal
        self._read_controls = controls
        self._guidance = guidance
        self._guidance_checked = not guidance
        self._call_syntax: CallSyntax | None = None
        self._call_syntax_known = False

    async def chat(self, request: ChatRequest, slot: int) -> AsyncGenerator[Delta, None]:
        """Stream an answer computed in ``slot``; see ``ChatModel.chat``."""
        self._check_slot(slot)
        events = EventSplitter()
        forced = forced_call(request)
        if forced is not None:
            forced = replace(forced, syntax=await self.call_syntax() or BARE)
        constrained = forced is not None or request.json_schema is not None
        guidance = constrained and await self._guides()
        asked = request_body(
            request, slot, await self._controls(), guidance=guidance, forced=forced
        )
        reader = AnswerReader(self.plan.model, forced=forced, grammar="grammar" in asked)
        body = encoded(asked)
        silence = self._silence(self._at_most_tokens(body, request.messages))
        async with self._connection.asked("/v1/chat/completions", body, silence) as response:
            if response.status != OK:
                raise self._refusal(await response.read())
            async for piece in response.pieces():
                for event in events.feed(piece):
                    if event.startswith(b'{"error"'):
                        raise self._refusal(event)
                    if (delta := reader.read(event)) is not None:
                        yield delta
        if not reader.finished:
            raise GenerationError(self.plan.model, "the answer ended in the middle")

    async def complete(
        self, request: ChatRequest, body: Mapping[str, Any], slot: int
    ) -> AsyncGenerator[Chunk, None]:
        """Pass a client's request on; see ``ChatModel.complete`` and ``passed_request``."""
        if is_forced(request):
            async for chunk in complete_by_chat(self, request, slot):
                yield chunk
            return
        self._check_slot(slot)
        events, joiner = EventSplitter(), ChunkJoiner()
        finished = False
        path, passed = "/v1/chat/completions", passed_body(body, slot, await self._controls())
        content = encoded(passed)
        silence = self._silence(self._at_most_tokens(content, request.messages))
        if not passed.get("stream"):  # all of it comes at once
            decoded = partial(self._decoded, slot)
            yield await self._asked(path, content, whole_chunk, silence, decoded)
            return
        async with self._connection.asked(path, content, silence) as response:
            if response.status != OK:
                raise self._refusal(await response.read())
            async for piece in response.pieces():
                for event in events.feed(piece):
                    if event == b"[DONE]":
                        finished = True
                        continue
                    chunk = read_json(event)
                    if "error" in chunk:
                        raise self._refusal(event)
                    if (joined := joiner.feed(chunk)) is not None:
                        yield joined
        if not finished:
            raise GenerationError(self.plan.model, "the answer ended in the middle")
        if (left := joiner.flush()) is not None:
            yield left

    async def count_tokens(self, messages: Sequence[Message], tools: Sequence[ToolSchema]) -> int:
        """Tokens of the prompt that ``messages`` would become under the model's template."""
        body = {"messages": messages_json(messages, await self._controls())}
        body |= tools_in_request(tools, await self._controls())
        if not any(message.media for message in messages):
            return len(await self._prompt(body))
        try:
            # Decodes and cuts the pictures as an answer would, and encodes none.
            return await self._asked(_COUNT_PATH, body, lambda told: int(told["input_tokens"]))
        except GenerationError:
            # A server from before 2026 has no such path; or it will refuse the answer, too.
            words = [replace(message, content=in_words(message.content)) for message in messages]
            media = [part for message in messages for part in message.media]
            return await self.count_tokens(words, tools) + self._most_tokens(media)

    async def read_beginning(self, request: ChatRequest, slot: int) -> int:
        """Compute the beginning of all conversations like ``request``'s in ``slot``.

        See ``ChatModel.read_beginning``.
        """
        self._check_slot(slot)
        controls = await self._controls()
        bodies = [request_body(probe, slot, controls) for probe in probes_of(request)]
        tokens = common_prefix([await self._prompt(body) for body in bodies])
        if tokens:
            # Nothing is generated: a token more could not be taken back by recurrent models.
            await self._asked(
                "/completion",
                {"prompt": tokens, "n_predict": 0, "id_slot": slot, "cache_prompt": True},
                dict,
                self._silence(len(tokens)),
            )
        return len(tokens)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text; only for models loaded with ``embedding``."""
        n_tokens = sum(map(len, texts))
        body = {"input": list(texts)}
        return await self._asked("/v1/embeddings", body, told_vectors, self._silence(n_tokens))

    async def save_slot(self, slot: int, target: Path) -> SlotState:
        """Write a slot's KV state to ``target``, whole or not at all.

        ``n_bytes`` of the result is the size of the file.

        Raises:
            StorageError: the file could not be written.
            GenerationError: the engine cannot save this model's state.
        """
        self._check_slot(slot)
        with written_whole(target) as part:
            with borrowed_name(self._slot_dir, part.path) as name:
                try:
                    path = f"/slots/{slot}?action=save"
                    n_written, saved = await self._asked(
                        path, {"filename": name}, told_saved, self._storing()
                    )
                except GenerationError as error:
                    if error.problem == _SAVE_FAILED:
                        raise StorageError(target, "the engine could not write it") from error
                    raise
            return replace(saved, n_bytes=part.seal(n_written, self._seal))

    async def restore_slot(self, slot: int, source: Path) -> SlotState:
        """Read a slot's KV state back.

        Raises:
            GenerationError: the file is missing, cut short, or of a model loaded differently.
        """
        self._check_slot(slot)
        check_seal(source, self.plan.model, self._seal)
        with borrowed_name(self._slot_dir, source) as name:
            path = f"/slots/{slot}?action=restore"
            return await self._asked(path, {"filename": name}, told_restored, self._storing())

    async def erase_slot(self, slot: int) -> None:
        """Give back the tokens that a slot holds; see ``SharesContext``."""
        self._check_slot(slot)
        await self._asked(f"/slots/{slot}?action=erase", {}, dict)

    async def call_syntax(self) -> CallSyntax | None:
        """How the model's template writes a tool call, learned on first use; see ``learn``.

        ``None`` also where the engine has no grammar that could force it, and where the
        prompt's last token would not be the same with the call behind it.
        """
        if not self._call_syntax_known:
            if await self._guides():
                self._call_syntax = await self._learned_call_syntax()
            self._call_syntax_known = True
        return self._call_syntax

    async def enforces(self, parameters: Mapping[str, Any]) -> bool:
        """See ``ApiModel``. Syntaxes that are not JSON are no promise."""
        return is_enforced(parameters) and await self.call_syntax() is not None

    async def _controls(self) -> ControlTokens:
        """The spellings that texts of others may not have."""
        if self._read_controls is None:
            self._read_controls = asyncio.ensure_future(
                asyncio.to_thread(read_control_tokens, self.plan.path, self.plan.chat_template)
            )
        return await asyncio.shield(self._read_controls)

    async def _prompt(self, body: dict[str, Any]) -> list[int]:
        """The tokens that a request for an answer becomes."""
        prompt = await self._asked("/apply-template", body, told_prompt)
        return await self._tokens(prompt, add_special=True)

    def _most_tokens(self, media: Sequence[ImagePart | AudioPart]) -> int:
        if self.plan.mmproj is None:
            return 0
        projector = read_projector(self.plan.mmproj)
        return sum(map(projector.most_tokens, media))

    async def _guides(self) -> bool:
        """Whether llguidance is there and takes this vocabulary for what it is.

        A SentencePiece vocabulary that begins every text with a space (Llama 2, Mistral
        7B) is given to it without the spaces: llama.cpp's ``common/llguidance.cpp``
        detokenizes the tokens one by one. What it then calls valid is no JSON.
        """
        if not self._guidance_checked:
            body = {"content": "a", "add_special": False, "with_pieces": True}
            self._guidance = await self._asked("/tokenize", body, told_pieces) == ["a"]
            self._guidance_checked = True
        return self._guidance

    async def _learned_call_syntax(self) -> CallSyntax | None:
        # Without thinking first: Qwen3's template then closes a reasoning block in the
        # prompt and leaves it out of the history, and others keep it there.
        try:
            called = await self._rendered(PROBE_CALLED, None)
            said = await self._rendered(PROBE_SAID, None)
            for thinking in (False, None, True):
                prompt = await self._rendered(PROBE_PROMPT, thinking)
                syntax = learn(prompt, called, said)
                if syntax is None or not await self._grows(prompt, called):
                    continue
                tokens = await self._control_tokens(syntax.spellings)
                return replace(syntax, thinking=thinking, control_tokens=tokens)
        except GenerationError:  # The template refuses such messages.
            pass
        return None

    async def _rendered(self, messages: Sequence[Message], thinking: bool | None) -> str:
        body: dict[str, Any] = {
            "messages": messages_json(messages, await self._controls()),
            "tool_choice": "none",
            **tools_in_request([PROBE_TOOL], await self._controls()),
        }
        if thinking is not None:
            body["chat_template_kwargs"]["enable_thinking"] = thinking
        return await self._asked("/apply-template", body, told_prompt)

    async def _grows(self, prompt: str, longer: str) -> bool:
        """Whether the tokens of ``prompt`` are the first ones of ``longer``, too."""
        tokens = await self._tokens(prompt)
        return (await self._tokens(longer))[: len(tokens)] == tokens

    async def _control_tokens(self, spellings: Sequence[str]) -> dict[str, int]:
        found = {}
        for spelling in spellings:
            tokens = await self._tokens(spelling)
            # User-defined tokens, such as Qwen's <tool_call>, are found in any text.
            plain = await self._tokens(spelling, parse_special=False)
            if len(tokens) == 1 and tokens != plain:
                found[spelling] = tokens[0]
        return found

    async def _tokens(
        self, text: str, *, parse_special: bool = True, add_special: bool = False
    ) -> list[int]:
        body = {"content": text, "add_special": add_special, "parse_special": parse_special}
        return await self._asked("/tokenize", body, lambda told: list(map(int, told["tokens"])))

    def _at_most_tokens(self, body: bytes, messages: Sequence[Message]) -> int:
        """No fewer tokens than a prompt has: of its signs, and of the batches before it.

        The engine computes for every slot in turn.
        """
        words = len(body) if not any(m.media for m in messages) else None
        longest = self.plan.n_ctx
        return (longest if words is None else min(words, longest)) * self.plan.n_parallel

    async def _decoded(self, slot: int) -> int:
        """How many tokens of the answer in progress there are."""

        def read(told: Any) -> int:
            rows: Any = told[slot].get("next_token") or ()
            # A list since the end of 2025.
            return sum(row["n_decoded"] for row in (rows if isinstance(rows, list) else [rows]))

        return await self._asked("/slots", None, read)

    def _storing(self) -> Silence:
        longest_s = self._connection.limits.to_load(self._n_bytes)
        return Silence(longest_s, longest_s)

    async def _asked(
        self,
        path: str,
        body: Mapping[str, Any] | bytes | None,
        read: Callable[[Any], T],
        silence: Silence | None = None,
        progress: Progress | None = None,
    ) -> T:
        async with self._connection.asked(path, body, silence, progress) as response:
            content = await response.read()
            if response.status != OK:
                raise self._refusal(content)
            return read(json.loads(content))

    def _check_slot(self, slot: int) -> None:
        # The engine would take any other slot for one that it does not have.
        if not 0 <= slot < self.plan.n_parallel:
            raise GenerationError(
                self.plan.model, f"it has no slot {slot}, only {self.plan.n_parallel}"
            )

    def _refusal(self, content: bytes) -> EngineError:
        try:
            error = json.loads(content)["error"]
        except (ValueError, KeyError, TypeError):
            return GenerationError(self.plan.model, content.decode(errors="replace"))
        if error.get("type") == "exceed_context_size_error":
            tokens, n_ctx = error["n_prompt_tokens"], error["n_ctx"]
            return ContextOverflowError(self.plan.model, tokens, n_ctx, self.plan.most_ctx)
        problem = str(error.get("message", error))
        if problem == CONTEXT_FULL and self.plan.kv_unified:
            return SharedContextFullError(self.plan.model)
        return GenerationError(self.plan.model, problem)
