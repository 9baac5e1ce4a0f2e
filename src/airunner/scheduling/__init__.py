"""Pure decisions: what is loaded, parked, evicted and granted, and why."""
