"""What people are told: the accounting, what runs, who had what done, what failed.

It is read in SQL and printed or sent here; nothing here changes the warehouse.
"""
