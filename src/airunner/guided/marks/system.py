"""Which models and how many decisions a message asks about."""

from __future__ import annotations

from airunner.guided.user_words import Matching, Named

MARKS = {
    "list_models": {"only": Named(("loaded", "all"))},
    "explain_last_decision": {"count": Matching(r"(?i)\blast (10|[1-9]) decisions\b")},
}
