"""What the tools that draw pictures make of a request."""
