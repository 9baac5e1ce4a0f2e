"""Programs for those who work on AI Runner itself."""
