"""Benchmarks: how fast things are, and how methods compare; they write `results/benchmarks`."""
