"""Pages about the versions of a registry: promote, and roll back."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from many_models.serve.api import Desk, operator
from many_models.serve.studio import views
from many_models.serve.studio.frame import Frame, form_of


def add(studio: APIRouter, desk: Desk, frame: Frame) -> None:
    """Add the pages."""

    @studio.get("/models")
    def models(request: Request) -> HTMLResponse:
        told = None if desk.books is None else views.versions(desk.books)
        audit = None if desk.books is None else views.audit(desk.books)
        return frame.page(request, "models.html", "Models", versions=told, audit=audit)

    @studio.post("/models")
    async def move(request: Request) -> Response:
        caller = operator(request)
        sent = {name: "".join(values) for name, values in (await form_of(request)).items()}
        await run_in_threadpool(views.move, desk.registry(), sent, caller.name)
        return RedirectResponse("/models", 303)
