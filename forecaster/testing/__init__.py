"""The promises every learner keeps, shipped so that your own learners can be held to them.

    from forecaster.testing import PROMISES
    for promise in PROMISES:
        promise(MyLearner())

A promise takes a learner and raises AssertionError where it is broken. Tables are small, so that a learner's promises take seconds.
"""

from forecaster.testing.promises import PROMISES, same, sound
from forecaster.testing.tables import HARD, promoted, reordered, sales, table_of

__all__ = ["HARD", "PROMISES", "promoted", "reordered", "sales", "same", "sound", "table_of"]
