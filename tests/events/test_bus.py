"""The bus: who hears what, and what becomes of a listener that raises."""

from __future__ import annotations

import logging

import pytest

from airunner.events import Event, EventBus, PictureDeleted

GONE = PictureDeleted(path="a.png")


def test_a_listener_that_raises_is_dropped_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    bus, heard = EventBus(), list[Event]()

    def broken(event: Event) -> None:
        heard.append(event)
        raise ZeroDivisionError("by nothing")

    bus.subscribe(broken)
    stop = bus.subscribe(heard.append)
    with caplog.at_level(logging.WARNING, "airunner.events.bus"):
        bus.publish(GONE)
        bus.publish(GONE)
    assert heard == [GONE] * 3
    (record,) = caplog.records
    assert f"{__name__}." in record.getMessage()
    assert ".broken " in record.getMessage()
    assert record.getMessage().endswith("ZeroDivisionError: by nothing")
    stop()
    bus.publish(GONE)
    assert heard == [GONE] * 3
