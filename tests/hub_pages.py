"""What the hub tells of a repository, served by the file server of ``tests/weights``."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tests.weights.conftest import FileServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def publish(server: FileServer, repo: str, files: dict[str, bytes], **told: Any) -> None:
    """Serve ``files`` as the hub does: a listing with hashes, and each file at a commit.

    ``told`` are further keys of the listing: ``gated``, ``gguf``, ``cardData``, ``pipeline_tag``.
    """
    siblings: list[dict[str, Any]] = [{"rfilename": "README.md"}]
    for name, body in files.items():
        large = {"sha256": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 134}
        siblings.append({"rfilename": name, "size": len(body), "lfs": large})
    listing = {"id": repo, "sha": COMMIT, "siblings": siblings, **told}
    server.files[f"/api/models/{repo}/revision/main"] = json.dumps(listing).encode()
    for name, body in files.items():
        server.files[f"/{repo}/resolve/{COMMIT}/{name}"] = body
