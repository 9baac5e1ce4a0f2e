"""Tools that tell of AI Runner itself."""
