"""A run answers over HTTP: forecasts for programs, pages for people. Needs the extra `serve`."""

from __future__ import annotations
