"""The documented model manager."""
