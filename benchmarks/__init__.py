"""Benchmarks: what is measured is printed as ratios of one run."""
