"""What is remembered beside conversations, in a page."""
