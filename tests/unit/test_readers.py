import pytest

from event_warehouse.feeds import Feed
from event_warehouse.load.readers import is_parquet

VISITS = Feed(name="visits", files=("visits/*",), format="csv")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("file:///visits/a.parquet", True),
        ("file:///visits/A.PARQUET", True),
        ("s3://bucket/visits/a.Parquet", True),
        ("https://host/a.parquet?v=1", True),
        ("https://host/a.parquet#part", True),
        ("https://host/a.csv?copy_of=b.parquet", False),
        ("s3://bucket/visits/what?.parquet", True),
        ("s3://bucket/visits/a.parquet?v=1", False),
        ("s3://bucket/visits/#1.parquet", True),
        ("file:///visits.parquet/a.csv", False),
        ("file:///visits/parquet", False),
    ],
)
def test_file_is_parquet_by_the_end_of_its_path(uri: str, expected: bool) -> None:
    assert is_parquet(uri, VISITS) is expected


def test_every_file_of_a_parquet_feed_is_parquet() -> None:
    feed = VISITS.model_copy(update={"format": "parquet"})

    assert is_parquet("https://host/download?id=7", feed)
