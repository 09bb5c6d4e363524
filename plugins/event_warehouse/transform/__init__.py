"""From `raw` to the models: runs dbt to apply new loads or rebuild what was asked for.

What is pending, which tables count events, and what dbt checks belong here too.
"""
