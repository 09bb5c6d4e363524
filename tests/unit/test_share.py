"""Files are dealt to loaders by their names."""

from event_warehouse.load.share import WHOLE, Share

URIS = [f"file:///landing/clicks/2026/11/{number:05}.csv" for number in range(3000)]


def test_every_file_is_in_exactly_one_share() -> None:
    shares = [Share(number, 3) for number in range(3)]
    assert {sum(share.has(uri) for share in shares) for uri in URIS} == {1}


def test_shares_are_of_about_one_size() -> None:
    counts = [sum(Share(number, 3).has(uri) for uri in URIS) for number in range(3)]
    assert min(counts) > 900


def test_whole_has_every_file() -> None:
    assert all(WHOLE.has(uri) for uri in URIS)
