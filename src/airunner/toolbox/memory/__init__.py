"""Tools for notes, facts and saved conversations."""
