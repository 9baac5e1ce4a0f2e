"""What is loaded at once is looked through by no collection of garbage, and what comes later is."""

from __future__ import annotations

import gc
import weakref

from airunner.importing import importing


class Knot:
    """Garbage that only a collection finds, once nobody else has it."""

    def __init__(self) -> None:
        self.itself = self


def test_what_is_imported_is_kept_for_good_and_what_comes_later_is_not() -> None:
    try:
        with importing():
            assert not gc.isenabled()
            early = weakref.ref(Knot())
        assert gc.isenabled()
        late = weakref.ref(Knot())
        gc.collect()
        assert early() is not None
        assert late() is None
    finally:
        gc.unfreeze()
    gc.collect()
    assert early() is None
