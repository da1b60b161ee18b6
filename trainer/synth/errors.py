"""The one error of the rendered sewer: a wrong argument, said in one line."""


class SynthError(ValueError):
    """The caller asked for something that cannot be rendered or written."""
