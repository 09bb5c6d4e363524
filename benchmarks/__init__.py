"""Measurements: each one command, with its comparator beside it in the same run."""
