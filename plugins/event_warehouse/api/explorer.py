"""The explorer page and its files. They hold no data: those need a key."""

from functools import cache
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from event_warehouse.api.problems import Problem
from event_warehouse.api.services import AppServices
from event_warehouse.explorer.assets import (
    CHART_LIBRARY,
    Asset,
    asset_of,
    read_assets,
)
from event_warehouse.explorer.chart_library import ensure_chart_library

router = APIRouter(include_in_schema=False)

ALWAYS_ASK = "no-cache"
KEEP = "public, max-age=31536000, immutable"
NOSNIFF = {"x-content-type-options": "nosniff"}


POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "form-action": "'none'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
"""What the page may do: run its own scripts and styles, and ask its own service."""
SECURITY = NOSNIFF | {
    "content-security-policy": "; ".join(
        f"{directive} {sources}" for directive, sources in POLICY.items()
    ),
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@router.get("/")
async def get_page(request: Request) -> Response:
    """The page; its state is in the address's fragment, which browsers do not send."""
    headers = {"cache-control": ALWAYS_ASK, **SECURITY}
    return _respond(request, read_assets().page, headers)


@router.get("/explorer/{version}/{name}")
async def get_asset(
    version: str, name: str, request: Request, services: AppServices
) -> Response:
    """One of the page's files."""
    assets = read_assets()
    asset = assets.others.get(name) if version == assets.version else None
    if asset is None and version == assets.version and name == CHART_LIBRARY:
        asset = await run_in_threadpool(_chart_library, services.settings.home)
    if asset is None:
        raise Problem(HTTPStatus.NOT_FOUND, "There is no such file; reload the page.")
    return _respond(request, asset, {"cache-control": KEEP, **NOSNIFF})


@cache
def _chart_library(home: Path) -> Asset:
    return asset_of(CHART_LIBRARY, ensure_chart_library(home).read_bytes())


def _respond(request: Request, asset: Asset, headers: dict[str, str]) -> Response:
    sent = {**headers, "etag": asset.etag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=sent)
    if "gzip" in request.headers.get("accept-encoding", ""):
        sent["content-encoding"] = "gzip"
        return Response(asset.packed, headers=sent, media_type=asset.media_type)
    return Response(asset.content, headers=sent, media_type=asset.media_type)
