"""Tools that come with AI Runner."""
