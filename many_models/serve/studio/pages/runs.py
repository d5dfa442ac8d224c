"""Pages to look at: runs, their groups, their reports, and two runs side by side."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from many_models.serve.api import Desk
from many_models.serve.studio import views
from many_models.serve.studio.browse import Look
from many_models.serve.studio.compare import compared
from many_models.serve.studio.frame import SAFE, Frame
from many_models.serve.studio.versions import Shelves


def add(studio: APIRouter, desk: Desk, frame: Frame) -> None:
    """Add the pages."""
    shelves = None if desk.books is None else Shelves(desk.books)

    @studio.get("/")
    def home(request: Request) -> HTMLResponse:
        return frame.page(request, "runs.html", "Runs", grid=views.runs(desk.models), refresh=views.any_running(desk.models))

    @studio.get("/runs/{name}")
    def run(request: Request, name: str, search: str = "", status: str = "", sort: str = "group", down: int = 0) -> HTMLResponse:
        told = views.run(desk.models, name, Look(search, status, sort, bool(down), _whole(request.query_params.get("page"))))
        return frame.page(request, "run.html", name, refresh=told.running, run=told)

    @studio.get("/runs/{name}/group")
    def group(request: Request, name: str) -> HTMLResponse:
        told = views.group(desk.models, shelves, name, dict(request.query_params))
        return frame.page(request, "sections.page.html", told.title, page=told, back=(views.place(name), name))

    @studio.get("/runs/{name}/report")
    def report(request: Request, name: str) -> HTMLResponse:
        return HTMLResponse(views.report(desk.models, name), headers=SAFE)

    @studio.get("/compare")
    def compare(request: Request, a: str = "", b: str = "") -> HTMLResponse:
        names = list(desk.models.offers())
        told = compared(desk.models, a, b) if a and b else None
        return frame.page(request, "compare.html", "Compare two runs", names=names, a=a, b=b, page=told)


def _whole(text: str | None) -> int:
    """A page number; the first for anything else."""
    return int(text) if text is not None and text.isdecimal() and len(text) < 10 else 1
