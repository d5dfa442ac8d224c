"""Levels of sums over series: their tables, and forecasts that add up."""
