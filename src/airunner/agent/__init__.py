"""The turn loop: messages in, events out."""
