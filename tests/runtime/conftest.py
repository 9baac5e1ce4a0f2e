"""The hub server of the tests of weights, for what asks a hub before anything is registered."""

from __future__ import annotations

from tests.weights.conftest import server as server
