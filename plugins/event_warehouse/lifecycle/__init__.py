"""How data leaves the warehouse and comes back to it.

Expiry, the deletion of a user, backup and restore.
"""
