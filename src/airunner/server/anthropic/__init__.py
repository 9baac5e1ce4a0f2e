"""The API of Anthropic: messages, as Claude Code and others send them."""
