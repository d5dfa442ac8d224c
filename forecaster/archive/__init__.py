"""Saving and loading without pickle: a model is a tree of dataclasses over arrays, numbers, text and the models of other libraries."""

from forecaster.archive.folder import check, load, manifest, refuse_foreign, save
from forecaster.archive.place import columns, under
from forecaster.archive.registry import STORABLE, storable

__all__ = ["STORABLE", "check", "columns", "load", "manifest", "refuse_foreign", "save", "storable", "under"]
