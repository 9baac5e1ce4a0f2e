"""Files that are attached to the message in the making: chosen, dropped, pasted, photographed.

Owns the thumbnails and the buttons. What becomes of a file is ``server.native.attachments``'s;
dropping and pasting is brought here by ``static/chat.js``.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from nicegui import events, ui

from airunner.media import MOST_BYTES
from airunner.messages import MediaPart
from airunner.runtime.native_form import API
from airunner.server.native.attachments import Attachment, Attachments
from airunner.ui.buttons import icon_button
from airunner.ui.chat.icons import ACTED, act_button, icon_html
from airunner.ui.notices import tell_problem
from airunner.ui.upload_field import UploadField

MOST_FILES = 10
_ADDRESS = f"{API}/attachments"


class AttachedFiles:
    """The files of one tab's message."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._kept: list[Attachment] = []
        self._fields: tuple[UploadField, ...] = ()

    @property
    def ids(self) -> list[str]:
        """What a turn names them by."""
        return [each.id for each in self._kept]

    def clear(self) -> None:
        """They have been said."""
        self._kept.clear()
        self._draw()

    def build_thumbnails(self) -> None:
        """Where they are seen before they are sent."""
        self._row = ui.html("", sanitize=False).classes("attached")
        self._row.on("click", self._clicked, js_handler=ACTED)

    def build_buttons(self) -> None:
        """The ways to choose one."""
        files = self._field("attach-files", "Files", "multiple")
        camera = self._field("attach-photo", "Photo", 'accept="image/*" capture="environment"')
        self._fields = (files, camera)
        icon_button("attach_file", "Attach files or pictures").on("click", js_handler=files.opens)
        button = icon_button("photo_camera", "Take a photo").classes("for-touch")
        button.on("click", js_handler=camera.opens)

    def choose_for(self, model: str | None) -> None:
        """Files are for another model from now on, which may see or not."""
        for field in self._fields:
            field.send_to(_ADDRESS + (f"?model={quote(model)}" if model else ""))

    def _field(self, name: str, label: str, attributes: str) -> UploadField:
        return UploadField(
            name, _ADDRESS, self._add, label=label, most_bytes=MOST_BYTES, attributes=attributes
        )

    def _add(self, told: Mapping[str, Any]) -> None:
        if len(self._kept) >= MOST_FILES:
            self._attachments.drop(str(told["id"]))
            tell_problem(f"A message can have {MOST_FILES} files.")
            return
        self._kept.append(self._attachments.find(str(told["id"])))
        self._draw()

    def _clicked(self, event: events.GenericEventArguments) -> None:
        id = str(event.args["id"])
        self._attachments.drop(id)
        self._kept = [each for each in self._kept if each.id != id]
        self._draw()

    def _draw(self) -> None:
        self._row.set_content("".join(map(_thumbnail, self._kept)))


def _thumbnail(file: Attachment) -> str:
    name = html.escape(file.name)
    if isinstance(file.part, MediaPart) and file.kind == "image":
        source = f"/api/v1/attachments/{file.id}"
        shown = f'<img src="{source}" alt="">'
    else:
        shown = icon_html("mic" if file.kind == "audio" else "description")
    return (
        f'<span class="thumbnail" title="{name}">{shown}<span class="words">'
        f'<span class="name">{name}</span><span class="size">{html.escape(file.size)}</span></span>'
        f"{act_button('drop', f'Remove {file.name}', 'close', id=file.id)}</span>"
    )
