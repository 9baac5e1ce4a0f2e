"""What is said between a user, a model and its tools: pure values, no behaviour of an engine.

The content of a message is a plain string, as nearly all are, or parts in the order in
which they were given: text, pictures, sound. Code that is only interested in words
reads ``Message.text`` and need not know which it is. A picture's bytes are held here in
memory, once; wherever messages are written down they are named by their SHA-256
(``airunner.records``), and no event carries them. What a file's bytes are is ``media``'s
to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "cancelled"]
MediaKind = Literal["image", "audio"]
"""What a model may take beside text."""


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words between pictures."""

    text: str


@dataclass(frozen=True, slots=True)
class MediaPart:
    """A file within a message: an ``ImagePart`` or an ``AudioPart``.

    ``data`` is the file as it was given, never decoded, and ``media_type`` its MIME type.
    Two parts are equal if the SHA-256 of their files is.
    """

    data: bytes = field(repr=False, compare=False)
    media_type: str
    sha256: str = field(init=False)
    kind: ClassVar[MediaKind]

    def __post_init__(self) -> None:
        # Here, because it brings OpenSSL: 7 MB that each worker would hold for nothing.
        from hashlib import sha256

        object.__setattr__(self, "sha256", sha256(self.data).hexdigest())


@dataclass(frozen=True, slots=True)
class ImagePart(MediaPart):
    """A picture, for example ``ImagePart(data, "image/png")``."""

    kind: ClassVar[MediaKind] = "image"


@dataclass(frozen=True, slots=True)
class AudioPart(MediaPart):
    """A recording, for example ``AudioPart(data, "audio/wav")``."""

    kind: ClassVar[MediaKind] = "audio"


Part = TextPart | ImagePart | AudioPart
Content = str | tuple[Part, ...]
"""A string, or parts of which at least one is not text."""


def parts_of(content: Content) -> tuple[Part, ...]:
    """``content`` as parts; none for the empty string."""
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    return content


def text_of_content(content: Content) -> str:
    """The words of ``content``, those of each part on lines of their own."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def content_of(parts: Sequence[Part]) -> Content:
    """Parts as content; a plain string if they are text alone, so that it has one form."""
    if any(isinstance(part, MediaPart) for part in parts):
        return tuple(parts)
    return text_of_content(tuple(parts))


def with_text(content: Content, text: str) -> Content:
    """``content`` that says ``text`` in place of its words, where the first of these stood."""
    parts = parts_of(content)
    at = next((i for i, part in enumerate(parts) if isinstance(part, TextPart)), 0)
    media = [part for part in parts[at:] if not isinstance(part, TextPart)]
    return content_of((*parts[:at], TextPart(text), *media))


def joined_contents(first: Content, second: Content) -> Content:
    """``second`` after ``first``, with an empty line between where words meet words."""
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}"
    before, after = parts_of(first), parts_of(second)
    match before[-1:] + after[:1]:
        case (TextPart(last), TextPart(begun)):
            meeting = TextPart(f"{last}\n\n{begun}")
            return content_of((*before[:-1], meeting, *after[1:]))
        case _:
            return content_of((*before, *after))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model's wish to have one tool called.

    ``arguments`` is parsed JSON. Where the model wrote something else, they are
    empty and ``malformed`` is what it wrote.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]
    malformed: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation.

    ``tool_calls`` belongs to assistant messages, ``tool_call_id`` and ``name``
    to the tool messages that answer them. ``reasoning`` led to an assistant
    message; a model's template decides what of it stays in the prompt. ``sent`` is
    what models get in place of a ``content`` that is too long for their context.
    ``text`` is the content's words, ``media`` its pictures and recordings.
    """

    role: Role
    content: Content = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    reasoning: str = ""
    sent: Content | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.content, str):
            object.__setattr__(self, "content", content_of(self.content))

    @property
    def text(self) -> str:
        """What it says in words."""
        return text_of_content(self.content)

    @property
    def media(self) -> tuple[ImagePart | AudioPart, ...]:
        """What it holds beside words."""
        if isinstance(self.content, str):
            return ()
        return tuple(part for part in self.content if not isinstance(part, TextPart))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one generation cost. Tokens are counts, durations seconds.

    ``cached_tokens`` of the ``prompt_tokens`` were found in the KV cache and
    not computed again, as reported by the engine.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    prompt_s: float = 0.0
    decode_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a streamed answer.

    Any field may be empty. ``tool_calls`` carries *complete* calls only, in the
    piece that completes them; ``usage`` and ``finish_reason`` come with the last.
    ``tool_name`` is the name of a tool call that has begun, said once, while its
    arguments are still being decoded. Where the engine tells these as they come, ``tool_id``
    is said with it, and ``tool_arguments`` are the arguments' JSON, piece by piece.
    """

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    tool_name: str = ""
    tool_id: str = ""
    tool_arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolSchema:
    """What a model is told about a tool. ``parameters`` is a JSON schema of type object.

    A ``deferred`` one may be called, but does not stand among the tools: the messages tell
    of it. An engine that cannot keep the two apart shows it with the others.
    """

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    deferred: bool = False
