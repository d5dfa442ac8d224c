"""Types of Arrow: which of them hold the same kind of thing, and which one holds what several hold."""

from __future__ import annotations

import pyarrow as pa


class TypesDiffer(Exception):
    """No type holds what a column holds in different files."""


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values: that of the categories for a column of categories."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def is_number(kind: pa.DataType) -> bool:
    """Whether values of a type can be counted with: truth values are 0 and 1."""
    of = pa.types
    return bool(of.is_integer(kind) or of.is_floating(kind) or of.is_decimal(kind) or of.is_boolean(kind))


def family(kind: pa.DataType) -> str:
    """Types between which a column may change and stay what it is; computed numbers are of none."""
    if pa.types.is_dictionary(kind):
        return family(kind.value_type)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return "stamp"
    if pa.types.is_integer(kind):
        return "integer"
    return "text" if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) else "other"


def common(name: str, kinds: list[pa.DataType], *, texts: bool) -> pa.DataType:
    """One type for a column that comes in several.

    Args:
        name: Of the column, for the message.
        kinds: Different types.
        texts: Whether a column of types that do not go together is text.

    Raises:
        TypesDiffer: They do not go together.
    """
    if len(kinds) == 1:
        return kinds[0]
    plain = [_undated(value_type(kind), kinds) for kind in kinds]
    try:
        return pa.unify_schemas([pa.schema([(name, kind)]) for kind in plain], promote_options="permissive").field(0).type
    except pa.ArrowTypeError as error:
        if texts or {*map(family, plain)} == {"text"}:
            return pa.large_string()
        told = " and ".join(map(str, kinds))
        raise TypesDiffer(f"column {name!r} is {told} in different files; expected one type: write all of them alike") from error


def _undated(kind: pa.DataType, beside: list[pa.DataType]) -> pa.DataType:
    """Dates beside timestamps are timestamps."""
    return pa.timestamp("s") if pa.types.is_date(kind) and {*map(family, beside)} == {"stamp"} else kind
