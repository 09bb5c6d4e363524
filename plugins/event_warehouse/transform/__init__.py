"""From `raw` to the models: has dbt apply what is new, or make anew what was asked for.

What is pending, which tables count events, and what dbt checks belong here too.
"""
