"""Measurements, each run as ``python -m benchmarks.<name>``; results are stored beside them."""
