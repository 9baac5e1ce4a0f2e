"""What tools can use beside models: files, what is remembered, what is known of the system.

Owns the bundle. Each part belongs to its own module; the runtime puts them
together, and the agent hands them to a tool through its ``api``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airunner.tools.files_folder import FilesFolder

if TYPE_CHECKING:
    from airunner.records.records import Records
    from airunner.tools.system_view import SystemView


@dataclass(frozen=True, slots=True)
class Facilities:
    """The facilities of one runtime; each may be used from any thread."""

    files: FilesFolder
    records: Records
    system: SystemView

    def in_conversation(self, id: str) -> Facilities:
        """The same with the files that are attached to a saved conversation, to be read."""
        attached = self.records.kept_files.folder(id)
        return replace(self, files=self.files.with_attached(attached))
