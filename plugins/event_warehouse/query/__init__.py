"""Questions about events: parsed, checked, translated to SQL, and answered in JSON, CSV
or Parquet. Nothing here knows HTTP.
"""
