"""Pages about work: start a run from a form, and see how far jobs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from forecaster.errors import ForecasterError
from many_models.serve.api import Desk, operator
from many_models.serve.batch import Batch
from many_models.serve.studio import views
from many_models.serve.studio.form import LEARNERS, Form, columns_of, files
from many_models.serve.studio.frame import Frame, form_of


def add(studio: APIRouter, desk: Desk, frame: Frame) -> None:
    """Add the pages."""

    def form_page(request: Request, form: Form | None, data: str, status: int = 200, *, yaml: str = "", trouble: str = "") -> HTMLResponse:
        told = {"files": files(desk.jobs.data), "data": data, "form": form, "yaml": yaml, "trouble": trouble, "learners": LEARNERS}
        return frame.page(request, "new.html", "Start a run", status, **told)

    @studio.get("/new")
    def new(request: Request, data: str = "") -> HTMLResponse:
        return form_page(request, Form.of(data, desk.jobs.inside(data, "data")) if data else None, data)

    @studio.post("/new")
    async def start(request: Request) -> Response:
        caller = operator(request)
        sent = await form_of(request)
        try:
            return await run_in_threadpool(
                _start, desk, sent, caller.name, lambda form, text: form_page(request, form, form.data, yaml=text)
            )
        except (ForecasterError, ValidationError) as error:
            form = await run_in_threadpool(_filled, desk, sent)
            return form_page(request, form, form.data, 422, trouble=str(error))

    @studio.get("/jobs")
    def jobs(request: Request) -> HTMLResponse:
        told = desk.jobs.all()
        return frame.page(request, "jobs.html", "Jobs", grid=views.jobs(told), refresh=any(map(_live, told)))

    @studio.get("/jobs/{number}")
    def job(request: Request, number: str) -> HTMLResponse:
        told = desk.jobs.get(number)
        return frame.page(request, "job.html", f"Job {number}", job=told, refresh=_live(told))


def _live(job: Mapping[str, Any]) -> bool:
    return job["status"] in ("waiting", "running")


def _filled(desk: Desk, sent: Mapping[str, list[str]]) -> Form:
    """The form as it was sent."""
    return Form.sent(sent, columns_of(desk.jobs.inside("".join(sent.get("data", [])), "data")))


def _start(desk: Desk, sent: Mapping[str, list[str]], who: str, page: Callable[[Form, str], Response]) -> Response:
    """Show the job that a form makes, or start it."""
    form = _filled(desk, sent)
    if sent.get("do") != ["start"]:
        return page(form, yaml.safe_dump(form.job(), sort_keys=False))
    told = desk.jobs.start(Batch(kind="train", job=form.job(), data=form.data, run=form.run), None, who)
    return RedirectResponse(f"/jobs/{told['id']}", 303)
