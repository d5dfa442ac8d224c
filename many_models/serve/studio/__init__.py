"""Pages for people: runs, groups, comparisons and jobs, rendered on the server, working offline and without scripts."""

from __future__ import annotations

from many_models.serve.studio.frame import trouble
from many_models.serve.studio.pages import all_pages

__all__ = ["all_pages", "trouble"]
