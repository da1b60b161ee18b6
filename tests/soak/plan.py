"""What a soak run shall do, and what it says of itself at its end: JSON between the test and the process that is soaked."""

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run of so many `seconds`; where `url` is empty of `frames` frames, as fast as they are worked on, in no fewer seconds.

    `bundle` and `key` are empty for the shipped model. `reload_every_s` after an exchange of the model is over the next one begins.
    `bad_consumers` adds callbacks that raise every time and callbacks that never return. `leak_bytes` are kept for ever at each run of
    the network: the negative control.
    """

    out: str
    url: str = ""
    bundle: str = ""
    key: str = ""
    seconds: float = 0.0
    frames: int = 0
    threads: int = 1
    reload_every_s: float = 0.0
    bad_consumers: bool = False
    leak_bytes: int = 0


class Begun(msgspec.Struct, frozen=True):
    """Said once, when the model is warm: where the metrics are."""

    metrics_port: int
    model: str
    precision: str


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """Said at the end. `unbalanced` counts looks at which the frames did not add up; `unread` are frames the camera still held."""

    seconds: float
    received: int
    processed: int
    dropped: dict[str, int]
    recorded: tuple[int, int, dict[str, int]]  # received, processed, dropped as the journal has them
    looks_at_accounting: int
    unbalanced: int
    unread: int
    results_lost: int
    callback_errors: int
    reconnects: int
    observations: int
    gaps: int
    pictures: int
    defects: tuple[str, ...]
    swaps: dict[str, int]
    stop_s: float
    ages_ms: dict[str, float]
