"""What a user writes of a hierarchy, and what it means."""

from __future__ import annotations

import pytest

from forecaster.errors import SettingsError, UnknownName
from forecaster.hierarchy.plan import Hierarchy
from forecaster.metrics.hierarchy import M5_LEVELS
from forecaster.settings import Settings


def names(hierarchy, series=("item",)):
    return [(level.name, level.columns) for level in Hierarchy.of(hierarchy).tree(series)]


def test_a_list_of_columns_goes_from_the_top_down():
    assert names(["state", "store"]) == [
        ("total", ()),
        ("state", ("state",)),
        ("store", ("state", "store")),
        ("series", ("state", "store", "item")),
    ]


def test_a_level_that_tells_the_series_apart_is_the_series():
    assert [name for name, _ in names(["state", "store", "item"], ("store", "item"))] == ["total", "state", "store", "item"]
    assert [name for name, _ in names([["item", "store"], ["state"]], ("store", "item"))] == ["total", "state", "item, store"]


def test_lists_of_columns_cross():
    told = names([[], ["state"], ["cat"], ["state", "cat"]])
    assert [name for name, _ in told] == ["total", "state", "cat", "state, cat", "series"]
    assert told[2][1] == ("cat",)


def test_the_levels_of_m5_are_twelve():
    assert len(Hierarchy.of([list(level) for level in M5_LEVELS]).tree(("store_id", "item_id"))) == 12


@pytest.mark.parametrize(
    ("plan", "trained"),
    [
        ({"reconcile": "bottom_up"}, (3,)),
        ({"reconcile": "top_down"}, (0,)),
        ({"reconcile": "middle_out", "level": "a"}, (1,)),
        ({"reconcile": "middle_out", "level": "a", "shares": "forecast_proportions"}, (1, 2, 3)),
        ({"reconcile": "mint_shrink"}, (0, 1, 2, 3)),
        ({}, (0, 1, 2, 3)),
    ],
)
def test_only_what_is_needed_is_trained(plan, trained):
    hierarchy = Hierarchy.of({"levels": ["a", "b"], **plan})
    assert hierarchy.trained([level.name for level in hierarchy.tree(("n",))]) == trained


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "expected each level once"),
        (["a", "a"], "expected each level once"),
        ([["a", "b"], ["b", "a"]], "expected each level once"),
        ([1], "expected each level once"),
        (7, "expected each level once"),
        ([""], "expected each level once"),
        ({"level": "a"}, "no levels"),
        ({"levels": ["a"], "reconcil": "ols"}, "reconcile"),
        ({"levels": ["a"], "reconcile": "mint"}, "mint_shrink"),
        ({"levels": ["a"], "shares": "proportions"}, "proportion_averages"),
        ({"levels": ["a", "b"], "reconcile": "middle_out"}, "level="),
        ({"levels": ["a", "b"], "level": "a"}, "level="),
        ({"levels": ["a", "bee"], "reconcile": "middle_out", "level": "be"}, "bee"),
    ],
)
def test_what_cannot_be_meant_is_refused(value, said):
    with pytest.raises(SettingsError, match=said):
        Hierarchy.of(value)


def test_two_levels_of_all_series_are_refused():
    with pytest.raises(SettingsError, match="keep one"):
        Hierarchy.of([["a", "n"], ["b", "n"]]).tree(("n",))


@pytest.mark.parametrize(("levels", "series"), [(["total"], ("total", "item")), ([["series"], ["a"]], ("series", "a", "item"))])
def test_a_level_may_not_be_called_like_one_that_is_always_there(levels, series):
    with pytest.raises(SettingsError, match="rename the column"):
        Hierarchy.of(levels).tree(series)


def test_the_series_themselves_may_be_called_series():
    assert [level.name for level in Hierarchy.of(["region", "series"]).tree(("region", "series"))] == ["total", "region", "series"]


def test_settings_take_a_hierarchy_and_give_it_back():
    settings = Settings.parse({"horizon": 3, "hierarchy": {"levels": [["a"], ["b"]], "reconcile": "ols", "sums": "promo"}})
    assert settings.hierarchy == Hierarchy((("a",), ("b",)), reconcile="ols", sums=("promo",))
    assert Settings.parse(settings.as_dict()).hierarchy == settings.hierarchy
    assert settings.schema_of().series == ("a", "b", "unique_id")


def test_a_series_column_may_not_be_called_level():
    with pytest.raises(SettingsError, match="'level'"):
        Settings.parse({"horizon": 3, "hierarchy": ["level"]})


def test_a_run_of_many_models_has_no_hierarchy():
    from many_models import ManyModels

    job = Settings.parse({"horizon": 3, "series": ["store", "item"], "hierarchy": ["store"]})
    with pytest.raises(SettingsError, match="all series in one job"):
        ManyModels(job, partition_by=["store"])


def test_unknown_names_are_told_the_nearest():
    with pytest.raises(UnknownName, match="bottom_up"):
        Hierarchy.of({"levels": ["a"], "reconcile": "bottomup"})
