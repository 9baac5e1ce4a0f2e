"""Arguments from the user's own words, so that a small model need not copy them.

``grounded`` reads one message for one tool's schema. ``slots`` are the places to fill;
``quantities``, ``choices``, ``spans`` and ``calendar_dates`` are what a message holds;
``number_matching`` says which number is for which place.
"""
