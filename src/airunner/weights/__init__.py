"""Getting weights onto this machine, verified."""
