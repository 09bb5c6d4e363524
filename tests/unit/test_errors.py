from event_warehouse.errors import DatabaseError


def test_error_of_many_lines_is_told_in_one() -> None:
    said = "connection failed: no such file\n\tIs the server running?\n\n"

    assert str(DatabaseError(said)) == (
        "connection failed: no such file Is the server running?"
    )


def test_error_without_words_has_those_of_its_kind() -> None:
    assert str(DatabaseError()) == "Postgres refused a statement or can't be reached."
