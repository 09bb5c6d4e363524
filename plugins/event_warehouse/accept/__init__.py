"""Events that applications send, from a request's body to durable lines.

Accepted events become files of the feed `api_events`; nothing here knows HTTP.
"""
