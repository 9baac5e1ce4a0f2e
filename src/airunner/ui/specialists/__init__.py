"""Specialists, asked directly: translations, summaries, code that runs."""
