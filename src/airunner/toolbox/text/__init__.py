"""Tools that summarise and translate text."""
