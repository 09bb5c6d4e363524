"""How data leave the warehouse, and come back to it.

Expiry, the deletion of a user, backup and restore.
"""
