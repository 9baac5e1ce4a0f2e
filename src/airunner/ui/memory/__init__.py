"""What the memory does, as a strip above every page and as a page of its own."""
