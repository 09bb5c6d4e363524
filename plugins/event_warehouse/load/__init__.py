"""From files to `raw`: finding them, reading their records, one transaction a file.

Nothing here casts a value; that is dbt's work.
"""
