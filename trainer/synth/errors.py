"""The errors of the rendered sewer, each said in one line.

    SynthError                    the caller asked for something that cannot be rendered or written
    └── InterruptedRunError       the run broke off through no fault of its arguments; the same command goes on from there

A full disk is a SynthError too: asking for less is the remedy.
"""


class SynthError(ValueError):
    """The caller asked for something that cannot be rendered or written."""


class InterruptedRunError(SynthError):
    """A run broke off; what was finished is kept, and the same command goes on from there."""
