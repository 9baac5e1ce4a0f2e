"""Who is loaded, when, and on which device."""
