"""The README names what there is, and nothing that there is not."""

import re
from pathlib import Path

import pytest
import yaml

from event_warehouse.cli import cli
from event_warehouse.settings import PROJECT

README = (PROJECT / "README.md").read_text()
TARGETS = re.findall(r"^([a-z-]+):.*## ", (PROJECT / "Makefile").read_text(), re.M)
SETTINGS = re.findall(
    r'"(WAREHOUSE_\w+)"',
    (PROJECT / "plugins" / "event_warehouse" / "settings.py").read_text(),
)
MODELS = PROJECT / "dbt_project" / "models"
MARTS = [
    model["name"]
    for file in (MODELS / "marts").glob("_*__models.yml")
    for model in yaml.safe_load(file.read_text())["models"]
]
FEEDS = list(yaml.safe_load((PROJECT / "feeds.yml").read_text()))
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
OF_TESTS = {
    name
    for file in (PROJECT / "tests").rglob("test_*.py")
    for name in re.findall(r'"(WAREHOUSE_TEST_\w+)"', file.read_text())
}


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_is_in_the_readme(target: str) -> None:
    assert f"`make {target}`" in README or f"make {target}\n" in README


@pytest.mark.parametrize("setting", SETTINGS)
def test_every_setting_is_in_the_readme(setting: str) -> None:
    assert f"`{setting}`" in README


@pytest.mark.parametrize("mart", MARTS)
def test_every_mart_is_in_the_readme(mart: str) -> None:
    assert f"`{mart}`" in README


@pytest.mark.parametrize("feed", FEEDS)
def test_every_feed_is_in_the_readme(feed: str) -> None:
    assert f"`{feed}`" in README


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`warehouse {command}" in README


def test_every_target_setting_and_command_that_the_readme_names_exists() -> None:
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= set(TARGETS)
    assert set(re.findall(r"WAREHOUSE_[A-Z_]+", README)) <= OF_TESTS.union(SETTINGS)
    assert set(re.findall(r"`warehouse ([a-z]+)", README)) <= set(cli.commands)


def test_every_setting_of_the_tests_is_in_the_readme() -> None:
    assert set(re.findall(r"`(WAREHOUSE_TEST_\w+)`", README)) == OF_TESTS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_file_that_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())
    assert not [link for link in links if not (page.parent / link).exists()]
