"""The hub server of the tests of weights, for commands that ask a hub."""

from __future__ import annotations

from tests.weights.conftest import server as server
