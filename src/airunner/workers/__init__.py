"""Where an engine runs: one process per loaded model."""
