"""MCP client: tools that run in other programs. Nothing here is needed without a configuration."""
