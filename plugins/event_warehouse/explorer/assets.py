"""The page's files, as they are sent."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
PAGE = "index.html"
CHART_LIBRARY = "vega.js"
VERSION_IN_PAGE = b"/explorer/assets/"


@dataclass(frozen=True)
class Asset:
    """A file in memory, as it is and packed."""

    content: bytes
    packed: bytes
    media_type: str
    etag: str


def asset_of(name: str, content: bytes) -> Asset:
    """The content as an asset; its media type follows from the name's extension."""
    return Asset(
        content,
        gzip.compress(content, 6, mtime=0),
        MEDIA_TYPES[name.rpartition(".")[2]],
        f'"{_digest(content)}"',
    )


@dataclass(frozen=True)
class Assets:
    """All of the page's files. Their version is in their addresses, so that a browser
    may cache them for ever and never mixes two versions.
    """

    version: str
    page: Asset
    others: Mapping[str, Asset]


@cache
def read_assets() -> Assets:
    """The files as of the first call in this process."""
    folder = files("event_warehouse.explorer").joinpath("page")
    contents = {
        file.name: file.read_bytes()
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.rpartition(".")[2] in MEDIA_TYPES
    }
    page = contents.pop(PAGE)
    version = _digest(page, *contents.values())
    addressed = page.replace(VERSION_IN_PAGE, f"/explorer/{version}/".encode())
    return Assets(
        version,
        asset_of(PAGE, addressed),
        {name: asset_of(name, content) for name, content in contents.items()},
    )


def _digest(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:16]
