"""The native API: everything that AI Runner can do, for its own programs and page."""
