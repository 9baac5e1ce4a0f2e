"""Which tools fit a request: by the words that they declare, and by what they mean."""
