"""Files that are attached to the message in the making: chosen, dropped, pasted, photographed.

Owns the thumbnails and the buttons. What becomes of a file is ``server.native.attachments``'s;
dropping and pasting is brought here by ``static/chat.js``.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from nicegui import events, ui

from airunner.config.byte_size import format_bytes
from airunner.errors import AiRunnerError
from airunner.media import MOST_BYTES
from airunner.messages import MediaPart
from airunner.server.native.attachments import Attachment, Attachments
from airunner.ui.buttons import icon_button
from airunner.ui.chat.icons import ACTED, act_button, icon_html
from airunner.ui.notices import tell_problem

MOST_FILES = 10


class AttachedFiles:
    """The files of one tab's message. ``model`` says who is going to be asked."""

    def __init__(self, attachments: Attachments, model: Callable[[], str | None]) -> None:
        self._attachments, self._model = attachments, model
        self._kept: list[Attachment] = []
        self._client = ui.context.client

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
        files = self._uploader("attach-files").props("accept=*/*")
        camera = self._uploader("attach-photo").props('accept="image/*" capture="environment"')
        _button("attach_file", "Attach files or pictures", files)
        _button("photo_camera", "Take a photo", camera).classes("for-touch")

    def _uploader(self, name: str) -> ui.upload:
        uploader = ui.upload(
            multiple=True,
            auto_upload=True,
            max_file_size=MOST_BYTES,
            on_upload=self._add,
            on_rejected=self._refuse,
        )
        return uploader.classes(f"uploader {name}").props('aria-hidden="true"')

    async def _add(self, event: events.UploadEventArguments) -> None:
        with self._client:
            event.sender.run_method("reset")
            if len(self._kept) >= MOST_FILES:
                tell_problem(f"A message can have {MOST_FILES} files.")
                return
            try:
                data = await event.file.read()
                self._kept.append(await self._attachments.add(data, event.file.name, self._model()))
            except AiRunnerError as error:
                tell_problem(error)
            self._draw()

    def _refuse(self) -> None:
        with self._client:
            tell_problem(f"A file may have {format_bytes(MOST_BYTES)} at most.")

    def _clicked(self, event: events.GenericEventArguments) -> None:
        id = str(event.args["id"])
        self._attachments.drop(id)
        self._kept = [each for each in self._kept if each.id != id]
        self._draw()

    def _draw(self) -> None:
        self._row.set_content("".join(map(_thumbnail, self._kept)))


def _thumbnail(file: Attachment) -> str:
    name = html.escape(file.name)
    size = format_bytes(file.n_bytes)
    if file.characters:
        size = f"{file.characters:,} characters"
    if isinstance(file.part, MediaPart) and file.kind == "image":
        source = f"/api/v1/attachments/{file.id}"
        shown = f'<img src="{source}" alt="">'
    else:
        shown = icon_html("mic" if file.kind == "audio" else "description")
    return (
        f'<span class="thumbnail" title="{name}">{shown}<span class="words">'
        f'<span class="name">{name}</span><span class="size">{size}</span></span>'
        f"{act_button('drop', f'Remove {file.name}', 'close', id=file.id)}</span>"
    )


def _button(icon: str, words: str, uploader: ui.upload) -> ui.button:
    button = icon_button(icon, words)
    # In the browser: it opens its chooser only where the click is still at hand.
    number = uploader.id
    button.on("click", js_handler=f"() => runMethod({number}, 'pickFiles', [])")
    return button
