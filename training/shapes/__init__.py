"""The embedded image model: coloured shapes on plain backgrounds, from their description."""
