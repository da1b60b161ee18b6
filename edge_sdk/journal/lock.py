"""One process writes a run's folder: flock(2) on the folder itself, which works on a medium that cannot be written to as well."""

import fcntl
import os
from pathlib import Path

from edge_sdk.errors import OutputError


class FolderLock:
    """Held from the constructor until `release`, or until the process is gone.

    Raises:
        OutputError: If another holds it, or there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise OutputError(f"{folder}: {error.strerror}; give the folder of a run") from error
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._handle)
            raise OutputError(f"{folder}: another process is writing this run; wait for its end, or give another folder") from None
        except OSError as error:
            os.close(self._handle)
            raise OutputError(f"{folder}: cannot be locked ({error.strerror}); put the run on a local disk") from error

    def release(self) -> None:
        """Let others in; a second call does nothing."""
        if self._handle >= 0:
            fcntl.flock(self._handle, fcntl.LOCK_UN)  # closing is not enough: a child being started holds a copy until it executes
            os.close(self._handle)
            self._handle = -1
