"""Tools that need more than words: they use several models, or pictures."""
