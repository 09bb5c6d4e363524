"""Answers read from prepared tables, and how fresh they are.

Nothing here knows HTTP; a connection is passed in.
"""
