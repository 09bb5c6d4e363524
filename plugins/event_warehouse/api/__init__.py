"""The HTTP service: routes that make one call each, and what only HTTP needs.

FastAPI is imported here and nowhere else.
"""
