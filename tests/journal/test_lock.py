import os
from pathlib import Path

import pytest

from edge_sdk.errors import OutputError
from edge_sdk.journal.lock import FolderLock


def test_one_holds_a_folder_and_after_release_the_next_one_may(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(OutputError, match="another process is writing this run"):
        FolderLock(tmp_path)

    lock.release()
    lock.release()

    FolderLock(tmp_path).release()


def test_a_child_that_still_holds_a_copy_of_the_descriptor_does_not_keep_the_folder(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    copy = os.dup(lock._handle)  # as a process being started has, from fork to exec

    lock.release()

    FolderLock(tmp_path).release()
    os.close(copy)
