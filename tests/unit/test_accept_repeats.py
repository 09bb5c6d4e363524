from concurrent.futures import Future

import pytest

from event_warehouse.accept.errors import KeyReused, Unavailable
from event_warehouse.accept.repeats import Repeats
from event_warehouse.accept.store import StoreError


class Commits:
    """Counts what is committed, none of it done yet."""

    def __init__(self) -> None:
        self.futures: list[Future[None]] = []

    def __call__(self) -> Future[None]:
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture
def commits() -> Commits:
    return Commits()


def test_repeat_waits_for_the_same_commit(commits: Commits) -> None:
    repeats = Repeats(10)
    first = repeats.commit_once("acme", "k", b"body", commits)
    repeat = repeats.commit_once("acme", "k", b"body", commits)
    first.set_result(None)

    assert repeat is first
    assert repeats.commit_once("acme", "k", b"body", commits) is first
    assert len(commits.futures) == 1


def test_key_with_another_body_is_refused_and_the_first_stays(commits: Commits) -> None:
    repeats = Repeats(10)
    repeats.commit_once("acme", "k", b"body", commits)
    with pytest.raises(KeyReused):
        repeats.commit_once("acme", "k", b"other", commits)

    repeats.commit_once("acme", "k", b"body", commits)
    assert len(commits.futures) == 1


def test_tenants_do_not_share_keys(commits: Commits) -> None:
    repeats = Repeats(10)
    repeats.commit_once("acme", "k", b"body", commits)
    repeats.commit_once("globex", "k", b"other", commits)

    assert len(commits.futures) == 2


def test_key_whose_commit_failed_may_be_tried_again_also_with_another_body(
    commits: Commits,
) -> None:
    repeats = Repeats(10)
    repeats.commit_once("acme", "k", b"body", commits).set_exception(StoreError())
    repeats.commit_once("acme", "k", b"other", commits).set_result(None)

    assert len(commits.futures) == 2
    with pytest.raises(KeyReused):
        repeats.commit_once("acme", "k", b"body", commits)


def test_key_that_could_not_even_wait_is_not_remembered(commits: Commits) -> None:
    def refuse() -> Future[None]:
        raise Unavailable()

    repeats = Repeats(10)
    with pytest.raises(Unavailable):
        repeats.commit_once("acme", "k", b"body", refuse)

    repeats.commit_once("acme", "k", b"other", commits)
    assert len(commits.futures) == 1


def test_key_unused_for_longest_is_forgotten_first(commits: Commits) -> None:
    repeats = Repeats(2)
    for key in ["a", "b", "a", "c", "a"]:
        repeats.commit_once("acme", key, b"body", commits)
    assert len(commits.futures) == 3

    repeats.commit_once("acme", "b", b"body", commits)
    assert len(commits.futures) == 4
