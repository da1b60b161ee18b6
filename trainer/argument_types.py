"""Types of command line arguments: argparse turns what they raise into a usage error of one line."""

import argparse


def count(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number of at least 1")
    return int(text)


def natural(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text}: a whole number of at least 0")
    return int(text)


def points(text: str) -> float:
    """Points of F2_CIW, 0 to 100."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number <= 100:
        raise argparse.ArgumentTypeError(f"{text}: points of F2_CIW, 0 to 100")
    return number
