"""The length in the header of a WMV film (ASF), which FFmpeg keeps to itself where the file is shorter than the header says: a cut film.

Source: Advanced Systems Format, revision 01.20.03, section 3.2, the File Properties Object.
"""

import struct
from pathlib import Path

FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
HEADER_BYTES = 1 << 16  # of a file that are searched: the object is one of the first
LENGTHS_AT = 64  # from the object's start: play and send duration in 100 ns, preroll in ms, flags
BROADCAST = 1


def announced_s(path: Path) -> float | None:
    """How long the film is by its header, in seconds; None where that cannot be read or was not known when it was written."""
    try:
        with path.open("rb") as file:
            head = file.read(HEADER_BYTES)
        play, _, preroll_ms, flags = struct.unpack_from("<QQQL", head, head.index(FILE_PROPERTIES) + LENGTHS_AT)
    except (OSError, ValueError, struct.error):
        return None
    length_s = float(play / 1e7 - preroll_ms / 1e3)
    return length_s if length_s > 0 and not flags & BROADCAST else None
