"""A status as a person reads it: the verdict first, then one aligned line for each part."""

from collections.abc import Iterator

from edge_sdk.camera.redact import scrubbed
from edge_sdk.supervision.status_file import Status, Verdict


def status_text(status: Status, verdict: Verdict) -> str:
    """The lines; whatever the file says is shown without control characters."""
    rows = [("state", _headline(status, verdict)), *_rows(status)]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:{width}}  {scrubbed(text, '')}" for name, text in rows)


def _headline(status: Status, verdict: Verdict) -> str:
    said = "a status of an earlier boot" if verdict.age_s is None else f"{_duration(verdict.age_s)} ago"
    if verdict.ended:
        return f"ended {said}, after {_duration(status.running_s)}"
    if verdict.gone:
        return f"GONE: process {status.process.pid} is no more; it was {status.state}, {said}"
    if verdict.stale:
        return f"STALE: process {status.process.pid} lives but has said nothing since {said}; it was {status.state}"
    return f"{status.state} ({status.level}), process {status.process.pid}, running for {_duration(status.running_s)}"


def _rows(status: Status) -> Iterator[tuple[str, str]]:
    for lack in status.lacking:
        yield "lacking", f"{lack.severity} {lack.name} for {_duration(lack.for_s)}: {lack.detail}"
    yield "model", " ".join(filter(None, (status.model or "none yet", status.precision, status.provider and f"on {status.provider}")))
    frames = status.frames
    dropped = ", ".join(f"{count} {reason}" for reason, count in frames.dropped.items() if count)
    rate = "" if frames.per_s is None else f", {frames.per_s:.1f} a second"
    yield "frames", f"{frames.received} received, {frames.processed} processed{rate}; dropped: {dropped or 'none'}"
    yield "age", f"newest result {_seconds(status.result_age_s)}, progress {_seconds(status.progress_age_s)}"
    for number, camera in enumerate(status.cameras):
        flags = f", {', '.join(camera.quality)}" if camera.quality else ""
        newest = f"newest frame {_seconds(camera.frame_age_s)}"
        yield f"camera {number}", f"{camera.state}, {newest}, {camera.reconnects} reconnects{flags} ({camera.name})"
    yield "place", "not known" if status.chainage_m is None else f"{status.chainage_m:.2f} m"
    yield "found", f"{status.observations} observations; {status.results_lost} results lost by slow readers"
    if status.journal is not None:
        reason = f": {status.journal.reason}" if status.journal.reason else ""
        yield "journal", f"{status.journal.state}{reason}, {status.journal.waiting} waiting, {status.journal.num_bytes / 1e6:.1f} MB"
    disk = "not known" if status.disk_free_bytes is None else f"{status.disk_free_bytes / 1e9:.1f} GB free"
    yield "machine", disk + ("" if status.temperature_c is None else f", {status.temperature_c:.0f} °C")


def _seconds(age_s: float | None) -> str:
    return "none yet" if age_s is None else f"{_duration(age_s)} ago"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02} min"
