"""A version's statements stand beside it, in an .sql file of the same name."""

from pathlib import Path

from alembic import op


def execute_file(version: str) -> None:
    """Run the SQL of the version whose Python file is given."""
    text = Path(version).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    # Past SQLAlchemy, which would read the colons of casts as parameters.
    connection.execute(text)
