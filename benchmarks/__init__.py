"""Benchmarks: speed and rank correlations, apart from the tests."""
