"""Who may read what: API keys, tenants' roles, their privileges, and the watchdog.

Nothing here knows HTTP.
"""
