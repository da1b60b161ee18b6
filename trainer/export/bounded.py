"""Accuracy-bounded quantisation: as many layers in int8 as a bound on F2_CIW allows, none in float where all of int8 is within it.

The most sensitive layers go back to float first; how many is found by bisection over their order, so that a network of 49 layers takes six
trials. What is returned was measured as it stands, whether or not the loss falls evenly with the layers returned.
"""

from collections.abc import Callable, Sequence

from trainer.errors import ExportError

LossOf = Callable[[frozenset[str]], float]


def layers_to_return(lost: LossOf, order: Callable[[], Sequence[str]], *, max_drop: float, what: str) -> tuple[str, ...]:
    """Layers that go back to float, most sensitive first.

    Args:
        lost: Points of F2_CIW lost with these layers in float and the others in int8.
        order: The layers, most sensitive first; asked only where something must go back, because measuring it takes a while.
        max_drop: The bound, points.
        what: Named in messages.

    Raises:
        ExportError: If the bound cannot be kept with a single layer in int8.
    """
    if (everything := lost(frozenset())) <= max_drop:
        return ()
    layers = tuple(order())
    too_few, enough = 0, len(layers)
    while enough - too_few > 1:
        num = (too_few + enough) // 2
        if lost(frozenset(layers[:num])) <= max_drop:
            enough = num
        else:
            too_few = num
    if enough == len(layers):
        raise ExportError(
            f"{what}: all in int8 loses {everything:.2f} points of F2_CIW, and so much as one layer in int8 more than the {max_drop:g} "
            "allowed; deploy fp16, allow more with --max-drop, or train on with quantisation simulated (not part of this program)"
        )
    return layers[:enough]
