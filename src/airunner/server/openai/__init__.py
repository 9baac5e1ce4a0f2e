"""The API of OpenAI: what its clients and those made after it send and read."""
