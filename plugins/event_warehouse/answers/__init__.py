"""Answers that are read from ready tables, and how fresh they are.

Nothing here knows HTTP; a connection is passed in.
"""
