"""Which classes are taken for which: a confusion matrix for images that have several classes at once.

An image with a displaced joint may rightly have deposits too, so a plain confusion matrix does not exist. Asked here: of the images that
show class a and not class b, which share was said to show b? A high share means that b's score follows a. Normal stands as class C.
"""

# N images, C classes (index C: Normal), rows a, columns b

import numpy as np
from numpy.typing import NDArray


def confusion(predicted_NC: NDArray[np.bool_], positive_NC: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Shares (C+1, C+1).

    Off the diagonal: of the images with a and without b, the share said to be b; the last row therefore is false alarms on normal images,
    the last column defects that were taken for nothing. On the diagonal: recall. NaN where there is no such image.
    """
    predicted, positive = (_with_normal(flags) for flags in (predicted_NC, positive_NC))
    share_ab = _share(positive.T @ (predicted * (1 - positive)), positive.T @ (1 - positive))
    np.fill_diagonal(share_ab, _share((predicted * positive).sum(axis=0), positive.sum(axis=0)))
    return share_ab


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    share: NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def _with_normal(flags_NC: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.concatenate([flags_NC, ~flags_NC.any(axis=1, keepdims=True)], axis=1).astype(np.float64)
