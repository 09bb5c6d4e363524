"""Questions about events: read and checked, made into SQL, asked, and answered in JSON,
CSV or Parquet. Knows no HTTP.
"""
