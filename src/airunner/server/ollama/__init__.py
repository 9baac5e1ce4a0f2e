"""The API of Ollama: what its clients and those made after it send and read."""
