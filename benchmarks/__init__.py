"""Benchmarks: each is one command, with its comparator in the same run."""
