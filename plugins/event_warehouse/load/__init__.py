"""Finds files, reads their records and copies them to `raw`, one transaction per file.

Nothing here casts a value; dbt does that.
"""
