"""llama.cpp: the bundled library, or a user's own llama-server."""
