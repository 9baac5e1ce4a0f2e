"""An engine as a package of its own: it repeats what it is told, in the voice of its weights.

Everything of it is in this folder. ``tests/engines/test_new_engine.py`` runs it.
"""
