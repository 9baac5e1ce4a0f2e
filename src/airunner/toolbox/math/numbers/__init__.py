"""Calculating: numbers, formulas and measures as people write them."""
