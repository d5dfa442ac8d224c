"""The server: one process that answers programs and people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from forecaster import __version__
from forecaster.errors import ArchiveError, CannotPredict, ForecasterError, SettingsError, UnknownName
from many_models.registry import Registry
from many_models.serve.access import Access, check_open
from many_models.serve.api import Desk, routes
from many_models.serve.batch import Jobs
from many_models.serve.gate import Audit, Bounds, Gate, Numbers
from many_models.serve.schemas import Problem
from many_models.serve.shelf import Models, Registered, Shelf
from many_models.serve.studio import all_pages, trouble

LOCAL = frozenset({"localhost", "testserver"})
"""Names of this machine; addresses are always right."""


@dataclass(frozen=True)
class Options:
    """How to serve.

    Args:
        shelf: The models.
        home: Folder for batch jobs and the audit log.
        runs: Folder that new runs go to.
        data: Folder that data is read from; None for none.
        access: The keys.
        bounds: What a request may use.
        hosts: Names that the server is called by, beside those of this machine; "*" for any.
    """

    shelf: Shelf
    home: Path
    runs: Path
    data: Path | None = None
    access: Access = field(default_factory=Access)
    bounds: Bounds = field(default_factory=Bounds)
    hosts: tuple[str, ...] = ()

    @property
    def books(self) -> Registry | None:
        """The registry, where it is one that is served."""
        return self.shelf.books if isinstance(self.shelf, Registered) else None


def application(options: Options) -> Gate:
    """The ASGI application."""
    numbers, models = Numbers(), Models(options.shelf)
    desk = Desk(models, numbers, Jobs(options.home / "jobs", options.runs, options.data), options.books)
    audit = Audit(options.home / "audit.jsonl")

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        desk.jobs.close()
        audit.close()

    app = FastAPI(title="Forecaster", version=__version__, docs_url=None, redoc_url=None, lifespan=life)
    app.include_router(routes(desk))
    app.include_router(all_pages(desk, options.access))
    app.add_exception_handler(ForecasterError, _told)
    app.add_exception_handler(RequestValidationError, _told)
    app.add_exception_handler(HTTPException, _told)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    hosts = frozenset() if "*" in options.hosts else LOCAL | {name.lower() for name in options.hosts}
    return Gate(app, options.access, options.bounds, numbers, audit, hosts)


def run(options: Options, host: str, port: int) -> None:
    """Serve until a signal comes; what is being answered is answered before the end.

    Raises:
        SettingsError: it would be open to other machines without keys.
    """
    import uvicorn

    check_open(host, options.access)
    wait = int(options.bounds.seconds) + 1
    uvicorn.run(
        application(options),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=wait,
        server_header=False,
    )


def _told(request: Request, error: Exception) -> Response:
    """Any refusal in one shape: a page for people, JSON for programs."""
    if "text/html" in request.headers.get("accept", ""):
        return trouble(_words(error), _status(error))
    return JSONResponse({"detail": _words(error)}, _status(error), headers=getattr(error, "headers", None))


def _words(error: Exception) -> str:
    if isinstance(error, RequestValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())[:2000]
    return str(getattr(error, "detail", error)).encode("utf-8", "backslashreplace").decode()


def _status(error: Exception) -> int:
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, UnknownName):
        return 404
    if isinstance(error, ArchiveError):
        return 503
    return 422 if isinstance(error, (SettingsError, CannotPredict, ForecasterError, RequestValidationError)) else 500


def _described(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with the one shape of refusals."""
    if app.openapi_schema is None:
        described = FastAPI.openapi(app)
        parts = described.setdefault("components", {}).setdefault("schemas", {})
        parts["Problem"] = Problem.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            parts.pop(unused, None)
        for path in described["paths"].values():
            for route in path.values():
                if "422" in route["responses"]:
                    route["responses"]["422"]["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        app.openapi_schema = described
    return app.openapi_schema
