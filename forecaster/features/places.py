"""Countries and their holidays, as the `holidays` package knows them. The package is loaded when the first country is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import UnknownName
from forecaster.table import Ints

_OBSERVED = re.compile(r"\s*\((?:observed|estimated|observed, estimated|substituted?[^)]*)\)", re.IGNORECASE)
_NEAR_ITSELF = 4
"""Most days between a holiday and the day it is observed on."""


@dataclass(frozen=True, eq=False)
class Days:
    """Holidays, ascending: day number since 1970, name, whether it is an observed day beside its holiday, whether people would work."""

    day: Ints
    name: NDArray[Any]
    repeated: NDArray[np.bool_]
    working: NDArray[np.bool_]

    def take(self, which: NDArray[np.bool_]) -> Days:
        return Days(self.day[which], self.name[which], self.repeated[which], self.working[which])


def place(country: str, subdiv: str | None = None) -> str:
    """The short name of a country or "country-subdivision".

    Raises:
        UnknownName: There are no holidays of such a country or subdivision; names the nearest.
    """
    head, _, tail = country.strip().partition("-")
    known, by_name = _countries()
    code = by_name.get(_plain(country.strip())) or by_name.get(_plain(head))
    if code is None:
        raise UnknownName.of("country with holidays", country, known)
    tail = subdiv or ("" if _plain(country.strip()) in by_name else tail)
    if tail and tail not in _subdivisions(code):
        raise UnknownName.of(f"subdivision of {code}", tail, _subdivisions(code))
    return f"{code}-{tail}" if tail else code


@lru_cache(maxsize=256)
def days_at(where: str, categories: tuple[str, ...], first: int, last: int) -> Days:
    """The holidays of the years first..last at a place."""
    import holidays

    country, _, subdiv = where.partition("-")
    kinds = _kinds(country, categories)
    found = holidays.country_holidays(
        country, subdiv=subdiv or None, years=range(first, last + 1), language=_language(country), categories=kinds
    )
    dates = sorted(found)
    told = [found.get_list(date)[0] for date in dates]
    names = [_OBSERVED.sub("", name).strip() for name in told]
    day = np.array(dates, "datetime64[D]").astype(np.int64)
    itself = {(name, int(d)) for name, full, d in zip(names, told, day, strict=True) if name == full}
    repeated = [
        name != full and any((name, int(d) + k) in itself for k in range(-_NEAR_ITSELF, _NEAR_ITSELF + 1))
        for name, full, d in zip(names, told, day, strict=True)
    ]
    working = ~np.isin((day + 3) % 7, list(found.weekend))
    return Days(day, np.array(names, object), np.array(repeated, bool), working)


@lru_cache(maxsize=256)
def told_at(where: str, categories: tuple[str, ...], first: int, last: int) -> Mapping[str, tuple[str, Ints]]:
    """Every holiday of the years first..last as the package tells it, observed days under a name of their own.

    Returns:
        Name -> the name of the holiday itself, and its days, ascending.
    """
    import holidays

    country, _, subdiv = where.partition("-")
    found = holidays.country_holidays(
        country, subdiv=subdiv or None, years=range(first, last + 1), language=_language(country), categories=_kinds(country, categories)
    )
    told: dict[str, list[Any]] = {}
    for date in sorted(found):
        for name in found.get_list(date):
            told.setdefault(name, []).append(date)
    return {name: (_OBSERVED.sub("", name).strip(), np.array(on, "datetime64[D]").astype(np.int64)) for name, on in told.items()}


@lru_cache(maxsize=1)
def _countries() -> tuple[tuple[str, ...], Mapping[str, str]]:
    """All names and codes of countries, and the code behind each of them."""
    from holidays.registry import COUNTRIES

    known: list[str] = []
    codes: dict[str, str] = {}
    for module, (name, code, *aliases) in COUNTRIES.items():
        spaced = module.replace("_", " ").title()
        known += [code, *(alias for alias in aliases if len(alias) == 3), spaced]
        codes |= {_plain(alias): code for alias in (code, name, module, *aliases)}
    return tuple(known), codes


@lru_cache(maxsize=256)
def _entity(country: str) -> Any:
    import holidays

    return holidays.country_holidays(country)


def _subdivisions(country: str) -> tuple[str, ...]:
    return tuple(_entity(country).subdivisions)


def _language(country: str) -> str | None:
    """English where there is a translation, whatever the locale of the machine: names must not change with it."""
    entity = _entity(country)
    return "en_US" if "en_US" in entity.supported_languages else entity.default_language


def _kinds(country: str, categories: tuple[str, ...]) -> tuple[str, ...]:
    """The categories that the country has; its own default where it has none of them."""
    supported = _entity(country).supported_categories
    return tuple(kind for kind in categories if kind in supported) or tuple(_entity(country).categories)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
