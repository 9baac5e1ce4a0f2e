"""Tools for models without tool calling of their own. Only ``runtime`` knows of this package."""
