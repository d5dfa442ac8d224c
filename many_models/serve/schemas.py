"""What requests and answers look like: the schemas of /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from many_models.registry import CHAMPION

ARROW = "application/vnd.apache.arrow.stream"
MOST, NOTES = 10_000, 100
"""Most groups of one request, and notes of one answer."""
Value = str | int | float | bool
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": why, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for code, why in {
        400: "The body cannot be read.",
        401: "A key is needed.",
        403: "The key does not allow this.",
        404: "There is no such thing.",
        413: "The body is too large.",
        421: "The server is not called by that name.",
        422: "The request cannot be meant.",
        429: "Too many requests.",
        503: "The files of the run cannot be read just now.",
        504: "Not answered in time.",
    }.items()
}


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer instead."""
    return {code: ERRORS[code] for code in codes}


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


class Health(BaseModel):
    """That the server is up."""

    status: str
    version: str
    models: int


class Model(BaseModel):
    """A model that can be asked."""

    name: str
    versions: list[dict[str, Any]]
    partition_by: list[str]
    series: list[str]
    time: str | None
    target: str
    known: list[str]
    horizon: int | None
    quantiles: list[float]
    metric: str
    groups: int


class Ask(BaseModel):
    """What is to be forecast."""

    model_config = ConfigDict(extra="forbid")
    groups: Annotated[list[dict[str, Value]], Field(min_length=1, max_length=MOST, examples=[[{"store": "s0001", "brand": "alpine"}]])]
    horizon: Annotated[int | None, Field(ge=1, le=10_000, description="Steps ahead; what the model was trained for where absent.")] = None
    future: Annotated[
        list[dict[str, Value | None]] | None, Field(description="Rows with series columns, time and known covariates of the steps ahead.")
    ] = None


class Alias(BaseModel):
    """An alias of a model, and why it is moved."""

    model_config = ConfigDict(extra="forbid")
    alias: Annotated[str, Field(min_length=1, max_length=200)] = CHAMPION
    reason: Annotated[str, Field(max_length=2000)] = "by hand"


class Promote(Alias):
    """A version that an alias is to name."""

    version: Annotated[int | None, Field(ge=1, le=10**9, description="The latest where absent.")] = None


class Promoted(BaseModel):
    """Which version an alias names now."""

    model: str
    version: int
    alias: str
    promoted: bool
    reason: str


class Forecasts(BaseModel):
    """Forecasts: one row per series and step; notes say what stood for values of the future that were not given."""

    model: str
    versions: list[str]
    notes: list[str]
    rows: list[dict[str, Any]]
