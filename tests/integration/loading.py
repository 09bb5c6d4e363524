"""Files that the tests of loading land, and what they ask raw."""

HEADER = "customer_id,event_type,transaction_id,timestamp\n"
TWO = HEADER + "1,visit,a,2025-01-01T10:00:00Z\n2,visit,b,2025-01-01T11:00:00Z\n"
ONE = HEADER + "3,visit,c,2025-01-01T12:00:00Z\n"

ROWS = """
    select line_number, tenant_id, event_type, event_id, event_time
    from raw.events_raw order by load_id, line_number
"""
LOADS = "select uri, status, record_count from raw.loads order by load_id"
FAILED = "select uri, error from raw.loads where status = 'failed' order by load_id"
