"""The page about models: getting them, keeping them, and who does what."""
