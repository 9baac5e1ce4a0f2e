"""Pictures: drawing them, the queue, the gallery."""
