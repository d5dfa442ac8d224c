"""A page as an answer: a template, who looks at it, and headers that let it load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse

from forecaster.report.layout import templates
from many_models.serve.access import OPERATE, Access

HERE = Path(__file__).parent / "templates"
SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
"""Pages load nothing from elsewhere, run no script and are framed by nobody."""


class Frame:
    """Renders pages.

    Args:
        access: The keys: without any, nobody has to log in.
    """

    def __init__(self, access: Access) -> None:
        self._keyed = bool(access.keys)

    def page(self, request: Request, name: str, title: str, status: int = 200, **told: Any) -> HTMLResponse:
        """A template, filled in for whoever asks."""
        caller = getattr(request.state, "caller", None)
        told |= {"title": title, "caller": caller, "operates": caller is not None and caller.may(OPERATE), "keyed": self._keyed}
        return HTMLResponse(templates(HERE).get_template(name).render(here=request.url.path, **told), status, headers=SAFE)


def style() -> str:
    """The style sheet of all pages."""
    return templates(HERE).get_template("studio.css").render()


def trouble(why: str, status: int) -> HTMLResponse:
    """The page that says why there is no other."""
    told = {"title": "This cannot be shown", "trouble": why, "here": "", "caller": None, "keyed": False}
    return HTMLResponse(templates(HERE).get_template("trouble.html").render(told), status, headers=SAFE)


async def form_of(request: Request) -> dict[str, list[str]]:
    """A form. Name -> everything that was sent under it"""
    return parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
