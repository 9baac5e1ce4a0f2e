"""Tools that write, check and run code."""
