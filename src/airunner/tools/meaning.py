"""What an argument names: the file, or the address, that a tool will use for it.

Owns the form in which a tool says so, and that there is one answer: what rules are
matched with and what the user is asked about is what the tool is then called with. How
a name is resolved belongs to the tools; see ``FilesFolder.meaning`` and
``toolbox.web.web_address``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airunner.tools.arguments import Arguments

if TYPE_CHECKING:
    from airunner.tools.files_folder import FilesFolder
    from airunner.tools.tool import Tool


@dataclass(frozen=True, slots=True)
class Meaning:
    """One resolved argument.

    Attributes:
        text: its only spelling; the tool is called with it.
        same: other spellings that rules may use for exactly this.
        near: spellings that some program takes for this; only rules that deny look at them.
        around: what "always" covers when it is said about this, as a pattern to be shown.
        folder: where the relative paths of rules about this begin; empty for what is no file.
    """

    text: str
    same: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    around: str = ""
    folder: str = ""


Resolver = Callable[[str, Mapping[str, Any], "FilesFolder | None"], Meaning]
"""From what a model wrote, with the other arguments and the files folder, to what is meant.

Raises ``ToolRetryError`` for what the tool would not take.
"""


@dataclass(frozen=True, slots=True)
class MeantCall:
    """Arguments with every name resolved, and how each was.

    Attributes:
        arguments: what the tool is called with.
        written: the same as a model wrote it, as JSON.
        meanings: by argument; none for what names nothing.
    """

    arguments: Arguments
    written: Mapping[str, Any] = field(default_factory=dict)
    meanings: Mapping[str, Meaning] = field(default_factory=dict)

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> MeantCall:
        """A call whose arguments name no file and no address."""
        return cls(Arguments(dict(arguments), dict(arguments)), arguments)

    def instead(self, argument: str, meaning: Meaning) -> MeantCall:
        """The same call with another value of one argument."""
        changed = {argument: meaning.text}
        return MeantCall(
            Arguments(self.arguments.values | changed, self.arguments.as_json | changed),
            dict(self.written) | changed,
            dict(self.meanings) | {argument: meaning},
        )


def meant_call(tool: Tool, arguments: Arguments, files: FilesFolder | None) -> MeantCall:
    """``arguments`` as ``tool`` will understand them.

    Raises:
        ToolRetryError: one names nothing that the tool would take.
        StorageError: the files folder cannot be made.
    """
    found = {
        name: resolve(value, arguments.values, files)
        for name, resolve in tool.resolve.items()
        if isinstance(value := arguments.values.get(name), str) and value.strip()
    }
    texts = {name: meaning.text for name, meaning in found.items()}
    resolved = Arguments(arguments.values | texts, arguments.as_json | texts)
    return MeantCall(resolved, arguments.as_json, found)
