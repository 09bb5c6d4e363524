"""Programs that commands start, find and stop: Postgres and the HTTP service.

What any such program needs belongs here; nothing here knows Airflow.
"""
