"""Events that applications send, from a request's body to lines that are safe.

What is accepted is a file of the feed `api_events`; nothing here knows HTTP.
"""
