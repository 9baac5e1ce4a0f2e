"""What a model can call: tools, their schemas, and choosing among them."""
