"""A model that a server holds for a program: asked by requests, given back by hanging up."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from typing import Self

from airunner.errors import LeaseRefusedError
from airunner.runtime.native_client import NativeClient


class AttachedHandle:
    """A specialised model that the server holds for as long as this connection is open."""

    def __init__(self, client: NativeClient, held: ExitStack, id: str, model: str) -> None:
        self._client, self._id, self._model = client, id, model
        self._finalizer = weakref.finalize(self, held.close)

    def invoke(self, prompt: str, *, max_tokens: int | None = None, remember: bool = True) -> str:
        """See ``SpecialistHandle``."""
        if not self._finalizer.alive:
            raise LeaseRefusedError(self._model, "this handle is closed; load the model again")
        body = {"prompt": prompt, "max_tokens": max_tokens, "remember": remember}
        return str(self._client.post(f"/leases/{self._id}", body)["text"])

    def close(self) -> None:
        """Give the model back. Closing twice is harmless."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
