"""One small program per peer, run in that peer's environment: nothing is imported here but the peer, numpy, OpenCV and `task.py`."""
