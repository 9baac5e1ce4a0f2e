"""Hostile servers shared by these tests; `make fuzz` gives properties fifty times the examples."""

from __future__ import annotations

from hypothesis import settings
from tests.toolbox.web.conftest import web as web

settings.register_profile("fuzz", max_examples=5_000, deadline=None, derandomize=False)
