"""Who may read what: API keys, tenants' roles, what a role may do, and the watchdog.

Nothing here knows HTTP.
"""
