"""Tools for dates and reminders."""
