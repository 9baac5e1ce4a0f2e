"""How the weights that AI Runner ships were made."""
