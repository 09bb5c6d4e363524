"""Event Warehouse: event files in, typed events, facts, rollups and marts out.

Plain Python that the DAGs, the command line and the tests call; knows no Airflow.
"""
