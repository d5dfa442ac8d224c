"""What every request passes before it is answered: host, key, rate, size and time; and what is noted of it afterwards."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.exceptions import HTTPException

from many_models.serve.access import Access, Caller, Rate

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]
Refusal = tuple[int, str, dict[str, str]]
"""Status, reason, headers."""
OPEN = ("/health", "/login", "/style.css")
"""Paths that need no key."""
COOKIE = "forecaster_key"


@dataclass(frozen=True)
class Bounds:
    """What a request may use.

    Args:
        size: Bytes of its body.
        seconds: Time until it is answered.
        rate: Requests per second of one caller.
    """

    size: int = 16 * 2**20
    seconds: float = 30.0
    rate: float = 2000.0


class Numbers:
    """Counters for Prometheus."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("forecaster_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "forecaster_request_seconds",
            "Time until a request was answered.",
            ["route"],
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5, 30),
            registry=self.registry,
        )
        self.forecasts = Counter("forecaster_groups_forecast", "Groups that were forecast.", ["model", "version"], registry=self.registry)
        self.shadow = Histogram(
            "forecaster_shadow_difference",
            "Mean absolute difference between the answer and that of the version in the shadow, by the size of the answer.",
            ["model"],
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
            registry=self.registry,
        )


class Audit:
    """Who asked for what, one line of JSON each."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, **told: Any) -> None:
        os.write(self._file, (json.dumps({"time": round(time.time(), 3), **told}) + "\n").encode())

    def close(self) -> None:
        os.close(self._file)


class TooLarge(HTTPException):
    """The body of a request is larger than it may be; whoever reads it says so."""


class Gate:
    """ASGI middleware around everything.

    Args:
        app: What answers.
        access: The keys.
        bounds: What a request may use.
        numbers: Counters.
        audit: Where requests are noted.
        hosts: Names that the server is called by: a page of another site that resolves to this machine calls it by none of them.
    """

    def __init__(self, app: App, access: Access, bounds: Bounds, numbers: Numbers, audit: Audit | None, hosts: frozenset[str]) -> None:
        self.app, self.access, self.bounds, self.numbers, self.audit, self.hosts = app, access, bounds, numbers, audit, hosts
        self.rate = Rate(bounds.rate)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun, status = time.perf_counter(), 500
        headers = dict(scope["headers"])
        caller = self.access.caller(_key(headers))
        who = caller.name if caller else scope["client"][0] if scope.get("client") else "unknown"

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refusal = self._refused(scope, headers, caller, who)
            await (self._answered(scope, receive, noted, caller) if refusal is None else _refuse(noted, *refusal))
        finally:
            self._note(scope, who, status, time.perf_counter() - begun)

    def _refused(self, scope: Message, headers: Headers, caller: Caller | None, who: str) -> Refusal | None:
        """Why the request is not to be answered, if it is not."""
        if not self._called_by_name(headers):
            return 421, "this server is not called by that name", {}
        if caller is None and scope["path"] not in OPEN:
            if b"text/html" in headers.get(b"accept", b""):
                return 303, "log in first", {"location": "/login"}
            return 401, "a key is needed: send the header 'Authorization: Bearer KEY'", {"www-authenticate": "Bearer"}
        if wait := self.rate.take(who):
            return 429, f"more than {self.bounds.rate:g} requests per second; wait", {"retry-after": str(max(1, round(wait)))}
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > self.bounds.size:
            return self._too_large()
        return (403, "this request comes from the page of another site", {}) if _from_elsewhere(scope, headers) else None

    def _too_large(self) -> Refusal:
        return 413, f"the body may have {self.bounds.size:,} bytes; ask for fewer groups at a time", {}

    def _called_by_name(self, headers: Headers) -> bool:
        if not self.hosts:
            return True
        host = headers.get(b"host", b"").decode("latin-1").rsplit(":", 1)[0].strip("[]").lower()
        return host in self.hosts or _is_address(host)

    async def _answered(self, scope: Message, receive: Receive, send: Send, caller: Caller | None) -> None:
        scope.setdefault("state", {})["caller"] = caller
        got, started = 0, False

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > self.bounds.size:
                raise TooLarge(*self._too_large()[:2])
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            async with asyncio.timeout(self.bounds.seconds):
                await self.app(scope, counted, watched)
        except TimeoutError:
            if not started:
                await _refuse(send, 504, f"not answered in {self.bounds.seconds:g} s; ask for fewer groups, or start a job", {})

    def _note(self, scope: Message, who: str, status: int, took: float) -> None:
        path = getattr(scope.get("route"), "path", None) or "other"
        self.numbers.requests.labels(scope["method"], path, status).inc()
        self.numbers.seconds.labels(path).observe(took)
        if self.audit is not None and path not in ("/health", "/metrics"):
            client = scope["client"][0] if scope.get("client") else ""
            self.audit.note(who=who, client=client, method=scope["method"], path=scope["path"], status=status, ms=round(1e3 * took, 2))


def _key(headers: Headers) -> str | None:
    """The key of a program, or that of a browser that has logged in."""
    said = headers.get(b"authorization", b"").decode("latin-1")
    if said[:7].lower() == "bearer ":
        return said[7:].strip()
    parts = (part.strip().partition("=") for part in headers.get(b"cookie", b"").decode("latin-1").split(";"))
    return next((value for name, _, value in parts if name == COOKIE), None)


def _from_elsewhere(scope: Message, headers: Headers) -> bool:
    """Whether a form was sent from a page of another site; programs send no origin."""
    origin = headers.get(b"origin")
    return scope["method"] == "POST" and origin is not None and origin.partition(b"://")[2] != headers.get(b"host", b"")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def _refuse(send: Send, status: int, why: str, headers: dict[str, str]) -> None:
    body = json.dumps({"detail": why}).encode()
    told = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
