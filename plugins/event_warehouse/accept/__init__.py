"""Events that applications send, from a request's body to lines safe on disk.

What is accepted is a file of the feed `api_events`; nothing here knows HTTP.
"""
