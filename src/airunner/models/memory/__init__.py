"""Predicted bytes, of language models and of image models."""
