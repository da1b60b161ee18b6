"""RankMe: how many directions an embedding really uses, a measure of self-supervised training that needs no labels.

    p_i = s_i / sum s + eps,   RankMe = exp(-sum p_i log p_i)

over the singular values s of the uncentred embeddings. p is not normalised again, and the value is bounded by the smaller of number of
images and embedding length: compare only values of equally many images.

Source: Garrido et al., "RankMe", ICML 2023, equation 1 (eps 1e-7); the DINO study on Sewer-ML uses 1e-6. Pinned by golden vectors.
"""

# N images, D embedding

import numpy as np
from numpy.typing import NDArray

EPS = 1e-6


def rankme(embeddings_ND: NDArray[np.floating], *, eps: float = EPS) -> float:
    """Effective rank of embeddings (N, D); NaN if all of them are zero."""
    singular_values = np.linalg.svd(embeddings_ND, compute_uv=False)
    total = singular_values.sum()
    if not total > 0:
        return float("nan")
    p = singular_values / total + eps
    return float(np.exp(-(p * np.log(p)).sum()))
