"""Inference runtimes behind one seam.

Each runtime's library is imported only in the module named after it, so that this package imports anywhere.
"""

from edge_sdk.runtime.session import Session

__all__ = ["Session"]
