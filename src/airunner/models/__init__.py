"""What a model is: its specification, its file's metadata, its memory. Pure."""
