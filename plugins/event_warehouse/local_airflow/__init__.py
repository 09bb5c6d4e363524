"""Airflow on this machine: what it is told, its services, and runs of its DAGs.

Nothing here imports Airflow; it is started as a program and asked over HTTP.
"""
