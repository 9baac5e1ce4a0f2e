"""Arguments from the user's own words, so that a small model need not copy them.

``grounded`` reads one message for one tool's schema. ``slots`` are the places to fill;
``quantities``, ``phrases``, ``choices``, ``listings`` and ``calendar_dates`` are what a
message holds; ``number_matching`` and ``phrase_matching`` say what is for which place.
"""
