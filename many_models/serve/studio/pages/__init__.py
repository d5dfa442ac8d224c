"""The pages at their addresses, by subject."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from many_models.serve.access import Access
from many_models.serve.api import Desk
from many_models.serve.studio.frame import Frame, style
from many_models.serve.studio.pages import jobs, login, models, runs


def all_pages(desk: Desk, access: Access) -> APIRouter:
    """The pages.

    Args:
        desk: The models, and where jobs are done.
        access: The keys, for logging in.
    """
    studio, frame = APIRouter(include_in_schema=False), Frame(access)

    @studio.get("/style.css")
    async def sheet() -> Response:
        return Response(style(), media_type="text/css", headers={"cache-control": "max-age=3600"})

    for add in (runs.add, jobs.add, models.add):
        add(studio, desk, frame)
    login.add(studio, access, frame)
    return studio
