"""The explorer page: static modules in page/, and the chart library they import.

Nothing here knows HTTP; api/explorer.py serves it.
"""
