"""The changes to what the migrations own: raw, the ledgers, roles and partitions.

One pair of files a change in `versions`, never edited once released.
"""
