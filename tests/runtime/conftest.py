"""Fixtures of the tests that run on a stand-in GPU."""

from runtime.standin_machine import machine

__all__ = ["machine"]
