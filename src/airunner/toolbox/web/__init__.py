"""The web for tools: pages fetched from public addresses only, read, searched for and saved.

Owns the guard that keeps a model from reaching the user's own network. The tools
themselves are in ``airunner.toolbox.web.web_tools``.
"""
