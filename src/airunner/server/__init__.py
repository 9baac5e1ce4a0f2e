"""AI Runner as a local server: one port for the clients people already use.

``app`` puts everything together; ``openai``, ``anthropic``, ``ollama`` and ``native`` are
one API each, all made of ``answers``: chunks of OpenAI's chat completions, whichever model
or team writes them.
"""
