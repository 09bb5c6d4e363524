"""Reports to people: the accounting, what is running, who requested what, what failed.

They are read with SQL and printed or sent; nothing here changes the warehouse.
"""
