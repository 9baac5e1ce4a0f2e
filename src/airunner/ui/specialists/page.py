"""The page about specialists."""

from __future__ import annotations

from airunner.ui.parts import Parts
from airunner.ui.specialists.code_panel import CodePanel
from airunner.ui.specialists.summary_panel import SummaryPanel
from airunner.ui.specialists.translation_panel import TranslationPanel

SPECIALISTS = Parts(
    "Specialists",
    "/specialists",
    {
        "": ("Translate", TranslationPanel),
        "summarize": ("Summarize", SummaryPanel),
        "code": ("Code", CodePanel),
    },
    css="setup specialists",
)
