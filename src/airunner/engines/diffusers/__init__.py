"""Image models with diffusers."""
