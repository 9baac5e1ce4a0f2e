"""Models whose publisher wants terms accepted first: who has done that, and how it is done.

Owns the words, and whether this user is signed in. Whether the terms were accepted only the
hub knows, when it is asked for the files.
"""

from __future__ import annotations

from airunner.config.other_programs import may_have_hub_token
from airunner.models.spec import HubFolderSource, HubSource, ModelSpec


def page_of(spec: ModelSpec) -> str:
    """The address of the page of a model's repository, or its name where it has none."""
    from huggingface_hub import constants

    repos = [s.repo for s in spec.sources if isinstance(s, HubSource | HubFolderSource)]
    return f"{constants.ENDPOINT}/{repos[0] if repos else spec.model_path}"


def is_signed_in() -> bool:
    """Whether the hub's client has a token: ``HF_TOKEN``, or from ``hf auth login``."""
    if not may_have_hub_token():
        return False
    from huggingface_hub import get_token

    return bool(get_token())


def gate_of(spec: ModelSpec) -> str:
    """What stands between this user and a gated model, with what to do; empty for nothing."""
    if not spec.gated or is_signed_in():
        return ""
    return (
        f"gated: accept its terms at {page_of(spec)}, then sign in with `hf auth login` or HF_TOKEN"
    )
