"""A server of the newest protocol, which has to be asked for word of changed tools."""

from __future__ import annotations

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("changing")


@server.tool()
async def grow(context: Context) -> str:
    """Offer one tool more."""

    def fresh() -> str:
        """Do something new."""
        return "x"

    server.add_tool(fresh, name="fresh")
    await context.notify_tools_changed()
    return "done"


if __name__ == "__main__":
    server.run()
