"""The built-in tools, a package a subject; ``toolset.builtin_toolset`` has them all."""
