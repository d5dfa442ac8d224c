"""Which column of the data plays which part."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from numpy.typing import NDArray

from forecaster.errors import SettingsError, UnknownName

Names = str | Iterable[str] | None

_DEFAULT = ("unique_id",)


def label(ids: Mapping[str, Sequence[Any] | NDArray[Any]], i: int, every: str = "the only series") -> str:
    """Series or group `i` in words, for messages: `store_id=CA_1, item_id=X`; `every` where no column names it."""
    return ", ".join(f"{name}={values[i]!s}" for name, values in ids.items()) or every


@dataclass(frozen=True)
class Schema:
    """Column names by part. Where several names are meant, one string is one name, and None is no name.

    Args:
        series: Columns that tell the series apart; none where the data is one series.
        time: Column of the stamps.
        target: Column to forecast.
        group: Columns that get one model per value, out of `series` and `static`; none for one group.
        known: Covariates known in advance.
        past: Covariates known only up to the last target.
        static: Covariates that do not change within a series.
        drop: Columns to leave out.
    """

    series: tuple[str, ...] = _DEFAULT
    time: str = "ds"
    target: str = "y"
    group: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    past: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in _PARTS:
            value = getattr(self, part)
            object.__setattr__(self, part, _one(part, value) if part in _SINGLE else _several(part, value))
        self._refuse_overlap()
        self._refuse_foreign_groups()

    @classmethod
    def of(
        cls,
        *,
        series: Names = _DEFAULT,
        time: str = "ds",
        target: str = "y",
        group: Names = (),
        known: Names = (),
        past: Names = (),
        static: Names = (),
        drop: Names = (),
    ) -> Schema:
        """A schema from what a user writes: names, lists of names or None.

        Raises:
            SettingsError: A column plays two parts, or `group` holds a column that is neither of `series` nor of `static`.
        """
        several = {"series": series, "group": group, "known": known, "past": past, "static": static, "drop": drop}
        return cls(time=time, target=target, **{part: _several(part, names) for part, names in several.items()})

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that plays a part, but those left out."""
        return (*self.series, self.time, self.target, *self.known, *self.past, *self.static)

    def check(self, columns: Iterable[str], *, target: bool = True) -> Schema:
        """The schema as it holds for data with these columns.

        Where `series` was left at its default and the history has no column of that name, it is one series.

        Args:
            columns: Column names of the data.
            target: Whether the target must be there; not so for rows of the future.

        Raises:
            UnknownName: The data lacks a column; names the option that asked for it, and near columns.
        """
        there, where = list(columns), f"column of the {'data' if target else 'future'}"
        default = target and self.series == _DEFAULT and _DEFAULT[0] not in there
        one = default and not set(_DEFAULT) & set(self.group) and _surely_lacks(_DEFAULT[0], there)
        schema = replace(self, series=()) if one else self
        for part, names in schema._parts().items():
            for name in names:
                if name not in there and (target or part not in ("target", "past", "drop")):
                    raise UnknownName.of(where, name, there, f"The option {part}= asks for it.")
        return schema

    def _parts(self) -> dict[str, tuple[str, ...]]:
        """Columns by part, in the order of the options."""
        return {part: (value,) if isinstance(value := getattr(self, part), str) else value for part in _PARTS}

    def _refuse_overlap(self) -> None:
        seen: dict[str, str] = {}
        for part, names in self._parts().items():
            for name in () if part == "group" else names:
                if name in seen:
                    told = f"twice in {part}=" if seen[name] == part else f"in {seen[name]}= and in {part}="
                    raise SettingsError(f"column {name!r} is named {told}; expected one part for each column: take it out of one")
                seen[name] = part

    def _refuse_foreign_groups(self) -> None:
        for i, name in enumerate(self.group):
            if name in self.group[:i]:
                raise SettingsError(f"column {name!r} is named twice in group=; expected each column once")
            if name not in (*self.series, *self.static):
                raise SettingsError(
                    f"group column {name!r} is neither of series={list(self.series)} nor of static={list(self.static)}; "
                    f"a group is made of whole series, so name it in one of them, such as static=[{name!r}]"
                )


_PARTS = tuple(field.name for field in fields(Schema))
_SINGLE = ("time", "target")


def _one(part: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise SettingsError(f"{part}={name!r}: expected the name of one column")
    return name


def _several(part: str, names: Names) -> tuple[str, ...]:
    if isinstance(names, str):
        return (_one(part, names),)
    try:
        return tuple(_one(part, name) for name in names or ())
    except TypeError:
        raise SettingsError(f"{part}={names!r}: expected the name of a column or a list of names") from None


def _surely_lacks(name: str, columns: list[str]) -> bool:
    """No such column, nor one that may be it, misspelt."""
    return not difflib.get_close_matches(name, [column.lower() for column in columns], n=1, cutoff=0.8)
