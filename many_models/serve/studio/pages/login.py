"""The door: a key, held by the browser."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from many_models.serve.access import Access
from many_models.serve.gate import COOKIE
from many_models.serve.studio.frame import Frame, form_of


def add(studio: APIRouter, access: Access, frame: Frame) -> None:
    """Add the pages."""

    @studio.get("/login")
    def login(request: Request) -> HTMLResponse:
        return frame.page(request, "login.html", "Log in", trouble="")

    @studio.post("/login")
    async def logged_in(request: Request) -> Response:
        key = "".join((await form_of(request)).get("key", [])).strip()
        if access.caller(key) is None:
            return frame.page(request, "login.html", "Log in", 401, trouble="Nobody has this key.")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=request.url.scheme == "https", max_age=12 * 3600)
        return answer

    @studio.post("/logout")
    async def log_out() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer
