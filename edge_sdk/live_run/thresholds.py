"""Thresholds as a robot gives them while it drives: by code or for every class, checked before any frame sees them."""

from collections.abc import Mapping, Sequence

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import InputError


def thresholds_given(given: Mapping[str, float] | Sequence[float], present: Sequence[float]) -> tuple[float, ...]:
    """One threshold for each class, in label order.

    Args:
        given: By code (the others stay as they are), or one for each class.
        present: Those that hold now.

    Raises:
        InputError: If there is no such code, not one for each class, or one is not from 0 to 1.
    """
    codes = taxonomy().codes
    if isinstance(given, Mapping):
        if unknown := sorted(set(given) - set(codes)):
            raise InputError(f"there is no class {unknown[0]}; the classes are {', '.join(codes)}")
        given = [given.get(code, old) for code, old in zip(codes, present, strict=True)]
    try:
        values = tuple(float(value) for value in given)
    except (TypeError, ValueError):
        raise InputError(f"thresholds that are no numbers; give {len(codes)}, each from 0 to 1") from None
    if len(values) != len(codes) or not all(0.0 <= value <= 1.0 for value in values):
        raise InputError(f"{len(values)} thresholds; give {len(codes)}, each from 0 to 1")
    return values
