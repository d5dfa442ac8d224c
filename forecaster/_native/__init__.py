"""Compiled kernels: each works on all series of a table in one call, without the interpreter lock."""
