"""The main job: load what has landed, transform it, verify that nothing is lost.

`run` has Airflow do it once; `watch` repeats it without Airflow.
"""
