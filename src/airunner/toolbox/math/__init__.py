"""Tools that calculate."""
