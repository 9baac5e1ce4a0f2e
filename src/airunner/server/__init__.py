"""AI Runner for other programs."""
