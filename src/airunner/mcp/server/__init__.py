"""AI Runner's tools for other programs."""
