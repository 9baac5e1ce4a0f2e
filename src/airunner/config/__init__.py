"""Settings, their values and origins."""
