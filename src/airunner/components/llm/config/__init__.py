"""The documented model registry."""
