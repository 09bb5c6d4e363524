"""Programs that commands start, find again and end: Postgres and the HTTP service.

What any program needs for that belongs here; nothing here knows Airflow.
"""
