"""Schemas: what a user writes, and what is refused with a way out."""

from __future__ import annotations

import pytest

from forecaster.errors import SettingsError, UnknownName
from forecaster.schema import Schema


def test_defaults():
    schema = Schema()
    assert (schema.series, schema.time, schema.target, schema.group, schema.known) == (("unique_id",), "ds", "y", (), ())
    assert schema == Schema.of()


@pytest.mark.parametrize("part", ["series", "known", "past", "static", "drop"])
@pytest.mark.parametrize("names", ["a", ["a"], ("a",), {"a": 0}])
def test_one_name_stands_for_a_list(part, names):
    assert getattr(Schema.of(**{part: names}), part) == ("a",)


def test_a_name_is_not_a_list_of_letters():
    assert Schema(series="store").series == ("store",)
    assert Schema(series="store", group="store").group == ("store",)


def test_none_is_no_column():
    assert Schema.of(series=None, known=None, group=None) == Schema.of(series=[], known=[], group=[])


def test_columns_are_those_with_a_part():
    schema = Schema.of(series=["a", "b"], known="k", past="p", static="s", drop="x", group="s")
    assert schema.columns == ("a", "b", "ds", "y", "k", "p", "s")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"known": "y"}, r"'y' is named in target= and in known="),
        ({"series": ["a", "a"]}, r"'a' is named twice in series="),
        ({"static": "a", "drop": "a"}, r"in static= and in drop="),
        ({"time": "y"}, r"in time= and in target="),
        ({"group": "region"}, r"'region' is neither of series=.*static=\['region'\]"),
        ({"series": ["a"], "group": ["a", "a"]}, r"twice in group="),
        ({"known": [1]}, r"known=1: expected the name of one column"),
        ({"known": 5}, r"known=5: expected the name of a column or a list"),
        ({"time": ["ds"]}, r"time=\['ds'\]: expected the name of one column"),
        ({"target": ""}, r"target=''"),
    ],
)
def test_what_cannot_be_meant_is_refused(options, message):
    with pytest.raises(SettingsError, match=message):
        Schema.of(**options)


def test_groups_are_of_series_or_static_columns():
    assert Schema.of(series=["store", "item"], group="store").group == ("store",)
    assert Schema.of(static="region", group=["region", "unique_id"]).group == ("region", "unique_id")


def test_missing_column_names_near_ones_and_the_option():
    with pytest.raises(UnknownName, match=r"'sels'; did you mean 'sales'\? The option target= asks for it"):
        Schema.of(target="sels").check(["unique_id", "ds", "sales"])
    with pytest.raises(UnknownName, match=r"'price'.*known="):
        Schema.of(known="price").check(["unique_id", "ds", "y"])


def test_data_without_the_default_id_is_one_series():
    assert Schema().check(["ds", "y"]).series == ()
    assert Schema.of(series=[]).check(["ds", "y"]).series == ()
    assert Schema().check(["unique_id", "ds", "y"]).series == ("unique_id",)


@pytest.mark.parametrize("near", ["Unique_ID", "uniqueid", "unique_ids", "unique id"])
def test_a_misspelt_default_id_is_not_one_series(near):
    with pytest.raises(UnknownName, match="series="):
        Schema().check([near, "ds", "y"])


def test_an_id_asked_for_must_be_there():
    with pytest.raises(UnknownName, match="'store'"):
        Schema.of(series="store").check(["ds", "y"])


def test_rows_of_the_future_need_neither_target_nor_past():
    schema = Schema.of(known="k", past="p", drop="x")
    assert schema.check(["unique_id", "ds", "k"], target=False) == schema
    with pytest.raises(UnknownName, match="'k'"):
        schema.check(["unique_id", "ds"], target=False)


def test_recipes_compare_and_hash():
    assert hash(Schema.of(known="a")) == hash(Schema.of(known=["a"]))
