"""What scikit-learn asks of an estimator besides fit and predict, so that its tools can clone, search and score ours."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from forecaster.errors import NotFitted
from forecaster.tabular.fitted import FittedTabular
from forecaster.tabular.settings import TabularSettings


def unfitted(message: str) -> NotFitted:
    """The error of a job that is not fitted yet, under the name of scikit-learn as well."""
    from sklearn.exceptions import NotFittedError

    class Unfitted(NotFitted, NotFittedError):  # type: ignore[misc]
        """A result was asked for before `fit`."""

    return Unfitted(message)


class Estimator:
    """Parameters and attributes by the names of scikit-learn. A subclass has `_settings` and `_fitted`, and is made of its options."""

    kind: ClassVar[type[TabularSettings]]
    _settings: TabularSettings
    _given: dict[str, Any]
    _fitted: FittedTabular | None

    @property
    def settings(self) -> TabularSettings:
        """The options, checked."""
        return self._settings

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options as they were given, and the defaults of all others."""
        return {name: self._given.get(name, field.default) for name, field in self.kind.model_fields.items()}

    def set_params(self, **options: Any) -> Self:
        """The same job with other options; what was fitted is forgotten.

        Raises:
            UnknownName: there is no such option.
            SettingsError: a value cannot be meant.
        """
        if options:
            type(self).__init__(self, **{**self._given, **options})
        return self

    @property
    def n_features_in_(self) -> int:
        """Raw columns that it was fitted on."""
        return len(self._known.encoder.steps)

    @property
    def feature_names_in_(self) -> NDArray[Any]:
        """Their names; there are none where it was fitted on an array."""
        names = [step.name for step in self._known.encoder.steps]
        if names == [f"x{i}" for i in range(len(names))]:
            raise AttributeError("it was fitted on an array, whose columns have no names")
        return np.array(names, object)

    @property
    def _known(self) -> FittedTabular:
        if self._fitted is None:  # as the attributes of scikit-learn are: not there before `fit`
            raise AttributeError(f"this {type(self).__name__} is not fitted yet")
        return self._fitted

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classes = self.kind.task == "classify"
        return Tags(
            estimator_type="classifier" if classes else "regressor", target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if classes else None, regressor_tags=None if classes else RegressorTags(),
            input_tags=InputTags(allow_nan=True, string=True, categorical=True),
        )  # fmt: skip
