"""Language models: the documented registry and manager."""
