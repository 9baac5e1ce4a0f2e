"""Dates, times of day and time zones as people write them."""
