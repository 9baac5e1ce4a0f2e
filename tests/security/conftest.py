"""Hostile servers shared by these tests."""

from __future__ import annotations

from tests.toolbox.web.conftest import web as web
