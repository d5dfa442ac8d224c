"""Forecasts for programs: REST with JSON or Arrow, described by /openapi.json."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from forecaster import __version__, frames
from forecaster.errors import ArchiveError, UnknownName
from many_models.registry import Registry
from many_models.serve.access import OPERATE, Caller
from many_models.serve.answers import Answers, Key
from many_models.serve.batch import Batch, Jobs
from many_models.serve.gate import Numbers
from many_models.serve.rows import Rows, as_arrow, as_json, joined
from many_models.serve.schemas import ARROW, MOST, NOTES, Alias, Ask, Forecasts, Health, Model, Promote, Promoted, errors
from many_models.serve.shelf import Models, Offer

WAITING = 64
"""Most questions to versions in the shadow that are open at a time; beyond them none is asked."""


@dataclass(frozen=True)
class Desk:
    """What the routes work with.

    Args:
        models: What is asked.
        numbers: Counters.
        jobs: Where batch jobs are done.
        books: The registry, where one is served.
        shadows: Questions to versions in the shadow that are not answered yet.
    """

    models: Models
    numbers: Numbers
    jobs: Jobs
    books: Registry | None = None
    shadows: set[asyncio.Task[None]] = field(default_factory=set)

    def registry(self) -> Registry:
        """The registry that is served.

        Raises:
            UnknownName: runs are served, and there is none.
        """
        if self.books is None:
            raise UnknownName("this server offers runs and not the models of a registry; start it with --registry")
        return self.books


def operator(request: Request) -> Caller:
    """Whoever asks must be allowed to operate."""
    caller: Caller = request.state.caller
    if not caller.may(OPERATE):
        raise HTTPException(403, f"the key of {caller.name!r} may read; this needs one with the role {OPERATE!r}")
    return caller


def routes(desk: Desk) -> APIRouter:
    """The routes of the API."""
    api = APIRouter(responses=errors(401, 421, 429))
    for add in (_server, _models, _forecasts, _jobs, _versions):
        add(api, desk)
    return api


def _server(api: APIRouter, desk: Desk) -> None:
    """How the server is."""

    @api.get("/health", tags=["server"])
    async def health() -> Health:
        """Whether the server is up."""
        return Health(status="ok", version=__version__, models=len(desk.models.offers()))

    @api.get("/metrics", tags=["server"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def metrics() -> Response:
        """Counters for Prometheus."""
        return Response(generate_latest(desk.numbers.registry), media_type=CONTENT_TYPE_LATEST)


def _models(api: APIRouter, desk: Desk) -> None:
    """What there is to be asked."""
    models = desk.models

    @api.get("/v1/models", tags=["models"], responses=errors(503))
    def all_models() -> list[Model]:
        """All models that can be asked; one whose files are damaged says so under its own name."""
        told: list[Model] = []
        for name in models.offers():
            with suppress(ArchiveError):
                told.append(_model(name, models))
        return told

    @api.get("/v1/models/{name}", tags=["models"], responses=errors(404, 422, 503))
    def one_model(name: str) -> Model:
        """What a model is."""
        return _model(name, models)

    @api.get("/v1/models/{name}/groups", tags=["models"], responses=errors(404, 422, 503))
    def groups(
        name: str, start: Annotated[int, Query(ge=0, le=2**31)] = 0, count: Annotated[int, Query(ge=1, le=MOST)] = 100
    ) -> list[dict[str, Any]]:
        """The groups that can be asked for, a page at a time."""
        answers = models.open(models.of(name)[0])
        return [dict(row) for row in json.loads(as_json(answers.groups.select([*answers.by]).slice(start, count)))]


def _forecasts(api: APIRouter, desk: Desk) -> None:
    """Forecasts of one group, or of many."""
    answered = errors(400, 404, 413, 422, 503, 504) | {200: {"model": Forecasts, "content": {ARROW: {}}}}

    @api.get("/v1/models/{name}/forecast", tags=["forecasts"], responses=answered)
    async def forecast_one(request: Request, name: str, horizon: Annotated[int | None, Query(ge=1, le=10_000)] = None) -> Response:
        """Forecast one group: its partition columns are the further parameters, as in `?store=s0001&brand=alpine`."""
        group = {key: value for key, value in request.query_params.items() if key != "horizon"}
        return await _answer(request, desk, name, [group], horizon, None)

    @api.post("/v1/models/{name}/forecast", tags=["forecasts"], responses=answered)
    async def forecast_many(request: Request, name: str, ask: Ask) -> Response:
        """Forecast groups, each once and in the order asked for, with the future of known covariates where there is one. The header
        `Accept` asks for Arrow."""
        future = None if ask.future is None else table_of(ask.future)
        return await _answer(request, desk, name, ask.groups, ask.horizon, future)


def _jobs(api: APIRouter, desk: Desk) -> None:
    """Work that takes longer than a request."""

    @api.post("/v1/jobs", tags=["jobs"], status_code=202, responses=errors(400, 403, 404, 413, 422))
    def start(batch: Batch, caller: Annotated[Caller, Depends(operator)]) -> dict[str, Any]:
        """Start a batch job: forecasts of all groups, or training."""
        path = desk.models.of(batch.model)[0].path if batch.model is not None else None
        return desk.jobs.start(batch, path, caller.name)

    @api.get("/v1/jobs", tags=["jobs"])
    def jobs() -> list[dict[str, Any]]:
        """All batch jobs, the newest first."""
        return desk.jobs.all()

    @api.get("/v1/jobs/{number}", tags=["jobs"], responses=errors(404, 422))
    def job(number: str) -> dict[str, Any]:
        """How far a batch job is."""
        return desk.jobs.get(number)

    @api.get(
        "/v1/jobs/{number}/result",
        tags=["jobs"],
        response_class=Response,
        responses=errors(404, 422) | {200: {"content": {"application/vnd.apache.parquet": {}}}},
    )
    def result(number: str) -> Response:
        """The forecasts of a job that is done, as Parquet."""
        path: Path = desk.jobs.result(number)
        return Response(path.read_bytes(), media_type="application/vnd.apache.parquet")


def _versions(api: APIRouter, desk: Desk) -> None:
    """The versions of a registry."""

    @api.get("/v1/models/{name}/versions", tags=["versions"], responses=errors(404, 422))
    def versions(name: str) -> list[dict[str, Any]]:
        """All versions of a model of the registry, and what is known of each."""
        return [dict(row) for row in json.loads(as_json(frames.read(desk.registry().models(name))[0]))]

    @api.post("/v1/models/{name}/promote", tags=["versions"], responses=errors(400, 403, 404, 413, 422))
    def promote(name: str, wish: Promote, caller: Annotated[Caller, Depends(operator)]) -> Promoted:
        """Let an alias name a version; it is served within a second."""
        ended = desk.registry().promote(name, wish.version, wish.alias, reason=f"{wish.reason} ({caller.name})")
        return Promoted(model=name, version=ended.version.number, alias=ended.alias, promoted=ended.promoted, reason=ended.reason)

    @api.post("/v1/models/{name}/rollback", tags=["versions"], responses=errors(400, 403, 404, 413, 422))
    def rollback(name: str, wish: Alias, caller: Annotated[Caller, Depends(operator)]) -> Promoted:
        """Let an alias name the version again that it named before."""
        version = desk.registry().rollback(name, wish.alias, f"{wish.reason} ({caller.name})")
        return Promoted(model=name, version=version.number, alias=wish.alias, promoted=True, reason=wish.reason)


async def _answer(
    request: Request, desk: Desk, name: str, groups: Sequence[Mapping[str, Any]], horizon: int | None, future: pa.Table | None
) -> Response:
    """What all versions that have a say make of a request."""
    models = desk.models
    offers = [offer for offer in models.of(name) if not offer.shadow]
    if not all(models.ready(offer) for offer in offers):
        await run_in_threadpool(lambda: [models.open(offer) for offer in offers])
    first = models.open(offers[0])
    wanted = list(dict.fromkeys(first.key(group) for group in groups))
    parts: dict[Offer, list[Key]] = {}
    for key in wanted:
        parts.setdefault(models.answering(name, key), []).append(key)
    made: dict[Key, Rows] = {}
    for offer, mine in parts.items():
        made |= await _forecast(models.open(offer), mine, horizon, future)
        desk.numbers.forecasts.labels(name, offer.version).inc(len(mine))
    rows = [made[key] for key in wanted]
    _ask_shadows(desk, name, rows, wanted, horizon, future)
    told = {"model": name, "versions": [offer.version for offer in parts], "notes": _notes(rows)}
    if ARROW in request.headers.get("accept", ""):
        whole = pa.concat_tables([one.table for one in rows], promote_options="default")
        return Response(as_arrow(whole.replace_schema_metadata({"forecaster": json.dumps(told)})), media_type=ARROW)
    return Response(f'{json.dumps(told)[:-1]}, "rows": {joined(rows)}}}', media_type="application/json")


def _notes(rows: Sequence[Rows]) -> list[str]:
    """What there is to say of some groups, each thing once, and not of thousands."""
    notes = list(dict.fromkeys(note for one in rows for note in one.notes))
    return notes if len(notes) <= NOTES else [*notes[:NOTES], f"and {len(notes) - NOTES} more notes of this kind"]


async def _forecast(answers: Answers, wanted: Sequence[Key], horizon: int | None, future: pa.Table | None) -> dict[Key, Rows]:
    """What is in memory is answered at once; what has to be read or computed leaves the others alone meanwhile."""
    if future is None and all(answers.ready(key, horizon) for key in wanted):
        return answers.forecast(wanted, horizon)
    return await run_in_threadpool(answers.forecast, wanted, horizon, future)


def _ask_shadows(desk: Desk, name: str, rows: Sequence[Rows], wanted: Sequence[Key], horizon: int | None, future: pa.Table | None) -> None:
    """Have the versions in the shadow asked as well: the answer does not wait for them."""
    for offer in desk.models.shadows(name):
        if len(desk.shadows) < WAITING:
            task = asyncio.create_task(_shadowed(desk, name, offer, rows, wanted, horizon, future))
            desk.shadows.add(task)
            task.add_done_callback(desk.shadows.discard)


async def _shadowed(
    desk: Desk, name: str, offer: Offer, rows: Sequence[Rows], wanted: Sequence[Key], horizon: int | None, future: pa.Table | None
) -> None:
    """Ask a version in the shadow and note how far off it is; nothing that goes wrong there is seen outside."""
    try:
        answers = desk.models.open(offer) if desk.models.ready(offer) else await run_in_threadpool(desk.models.open, offer)
        other = await _forecast(answers, wanted, horizon, future)
        mine, theirs = (np.concatenate([part.table["forecast"].to_numpy() for part in side]) for side in (rows, other.values()))
        desk.numbers.shadow.labels(name).observe(float(np.abs(mine - theirs).mean() / max(np.abs(mine).mean(), 1e-12)))
    except Exception:
        desk.numbers.requests.labels("SHADOW", name, 500).inc()


def _model(name: str, models: Models) -> Model:
    offers = models.of(name)
    answers = models.open(offers[0])
    settings = answers.run.settings
    return Model(
        name=name,
        versions=[_version(offer) for offer in offers],
        partition_by=list(answers.by),
        series=list(settings.series),
        time=settings.time or None,
        target=settings.target,
        known=list(getattr(settings, "known", ())),
        horizon=getattr(settings, "horizon", None),
        quantiles=list(getattr(settings, "quantiles", ())),
        metric=str(getattr(settings, "metric", "")),
        groups=len(answers),
    )


def _version(offer: Offer) -> dict[str, Any]:
    return {"version": offer.version, "share": offer.share, "shadow": offer.shadow}


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of JSON as a table.

    Raises:
        HTTPException: the values of a column are of several kinds.
    """
    try:
        return pa.Table.from_pylist([dict(row) for row in rows])
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        raise HTTPException(422, f"future: the values of a column should be of one kind: {error}") from None
