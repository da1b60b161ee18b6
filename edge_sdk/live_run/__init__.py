"""The parts of a live inspection between the stream of results and the journal; `edge_sdk.live_inspection` puts them together.

    stream -> Ledger (one thread: quality, tracks, coverage) -> Scribe (one thread: JPEG) -> journal (one thread: disk) -> acknowledged

Each hands on and waits for none behind it, so that neither a slow disk nor a large picture costs a frame.
"""
