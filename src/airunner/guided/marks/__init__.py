"""Which parameters of which tools are filled with the user's words, by subject."""
