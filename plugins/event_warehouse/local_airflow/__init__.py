"""Airflow on this machine: its configuration, its services, and runs of its DAGs.

Nothing here imports Airflow; it is started as a program and called over HTTP.
"""
