"""`make fuzz` gives the properties here fifty times as many examples."""

from hypothesis import settings

settings.register_profile("fuzz", max_examples=5_000, deadline=None)
