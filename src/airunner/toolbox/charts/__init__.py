"""Tools that draw charts."""
