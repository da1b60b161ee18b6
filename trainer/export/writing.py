"""Files of an export folder that belong together: all of them are written, or none.

Each goes into a part file first, and only when the disk has taken every one of them do they get their names.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from trainer.errors import ExportError


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files; those of the same names are replaced.

    Args:
        folder: Where to.
        contents: Bytes by file name; they get their names in this order.

    Raises:
        ExportError: If the folder does not take them; it is then as it was.
    """
    parts = {name: folder / f".{name}.part{os.getpid()}" for name in contents}
    name = next(iter(contents))
    try:
        for name, data in contents.items():
            parts[name].write_bytes(data)
        for name, part in parts.items():
            part.replace(folder / name)
    except OSError as error:
        raise ExportError(f"{folder / name}: {error.strerror}; make room, or work on a copy of the folder that can be written") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
