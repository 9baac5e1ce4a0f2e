"""The chat: conversations, what is said in one, and what is typed."""
