"""A whole inspection in one call: what `sewer-edge run` does, for programs.

inspection, written = inspect_film("film.mp4", odometer=Path("odometer.csv"))
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from edge_sdk.annotate import AnnotatedFilm
from edge_sdk.bundle import Bundle
from edge_sdk.camera import FrameSource, open_source
from edge_sdk.cores import usable_cores
from edge_sdk.errors import InferenceError, OutputError, SourceError
from edge_sdk.inspector import Inspector, ThresholdChoice
from edge_sdk.journal.run import RunRecorder
from edge_sdk.odometer import Odometer
from edge_sdk.opencv import ffmpeg_path
from edge_sdk.pictures import FOLDER
from edge_sdk.records import Inspection
from edge_sdk.report import write_reports
from edge_sdk.run import Run
from edge_sdk.runtime.links import Provider, Say
from edge_sdk.stream import FrameResult
from edge_sdk.terminal import ProgressLine
from edge_sdk.throughput import Mode

FILM = "annotated.mp4"
LONG_FRAMES = 250  # starting a session takes as long as some ten frames of inference
RESULTS = (FILM, "report.json", "report.html", "observations.csv")
CAPTION = "AI proposal, not reviewed"
CAPTION_RENDERED = f"{CAPTION} - trained on rendered images"


def inspect_film(
    uri: str | Path,
    *,
    bundle: Bundle | None = None,
    odometer: Path | None = None,
    odometer_unit: str | None = None,
    fps: float | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    film: bool = True,
    threads: int | None = None,
    precision: str = "auto",
    require: Provider | None = None,
    thresholds: ThresholdChoice = "frozen",
    say: Say = lambda line: None,
    progress: ProgressLine | None = None,
    mode: Mode | None = None,
) -> tuple[Inspection, dict[str, Path]]:
    """Inspect a film or folder and write every result.

    Args:
        uri: A film, a folder of stills or one still.
        bundle: The model; None for the shipped one.
        odometer: CSV file of counter readings.
        odometer_unit: Unit of the counter where its column does not say it.
        fps: Frames per second of a folder, or in place of the film's own.
        out: Folder for the results; None makes `<source>-inspection` beside the working directory's other files.
        overwrite: Write into `out` even if it is not empty.
        film: Whether to write the annotated film.
        threads: Threads for one inference; None takes every core.
        precision: Which graph to run; `auto` takes the quickest that agrees with the trained model.
        require: The one runtime to take, or none at all.
        thresholds: The manifest's, or those tuned to the very graph.
        say: Told, in one line each, what takes long, what is broken, and what runs.
        progress: Told of every frame.
        mode: `latency` or `throughput`; None takes what is quicker for this source (see `mode_for`). The results are the same.

    Returns:
        The record, and where each result lies, by name. An interrupt (Ctrl-C) ends the run early; what was seen is written. So it is
        when the disk takes no more pictures or film, and the error is raised after that.

    Raises:
        EdgeSdkError: If the source, odometer, bundle or output folder cannot be used, or no frame could be inspected.
    """
    with ExitStack() as stack:
        source = stack.enter_context(open_source(uri, fps=fps))
        readings = Odometer.from_csv(odometer, source, unit=odometer_unit) if odometer else None
        inspector = stack.enter_context(
            Inspector(
                bundle or Bundle.open(), precision=precision, threads=threads, require=require, thresholds=thresholds,
                mode=mode or mode_for(source, threads), say=say,
            )
        )  # fmt: skip
        out = _folder(out, source, overwrite=overwrite)
        annotated = _film(out / FILM, source, inspector) if film else None
        recorder = stack.enter_context(RunRecorder(out, policy=inspector.policy))
        hooks = [hook.add for hook in (annotated, progress, recorder) if hook is not None]
        run = inspector.run(source, odometer=readings, out=out, on_frame=lambda result: _call(hooks, result))
        failure = _drive(run, recorder, source, annotated, progress)
        inspection = run.inspection
    if failure is None:
        _check_seen(inspection)
    written = write_reports(inspection, out)
    if failure is not None:
        raise failure
    if film and (out / FILM).exists():
        written["film"] = out / FILM
    return inspection, written


def mode_for(source: FrameSource, threads: int | None) -> Mode:
    """`throughput` for a film worth starting a session on each core for, unless someone said how many threads to take."""
    worth_it = source.kind == "film" and (source.announced_frames or 0) >= LONG_FRAMES
    return "throughput" if worth_it and threads is None and usable_cores() > 1 else "latency"


def _drive(
    run: Run, recorder: RunRecorder, source: FrameSource, film: AnnotatedFilm | None, progress: ProgressLine | None
) -> OutputError | None:
    """Run to the end, an interrupt or a disk that takes no more; what was seen is reported in each case."""
    try:
        if progress:
            progress.start(run, source.announced_frames)
        for _ in recorder.follow(run):
            pass
    except KeyboardInterrupt:
        pass  # the record says "interrupted"
    except OutputError as error:
        return error
    finally:
        if progress:
            progress.close()
    try:
        if film:
            film.close()
    except OutputError as error:
        return error
    return None


def _call(hooks: Sequence[Callable[[FrameResult], None]], result: FrameResult) -> None:
    for hook in hooks:
        hook(result)


def _folder(out: Path | None, source: FrameSource, *, overwrite: bool) -> Path:
    folder = out or Path(f"{Path(source.name).stem}-inspection")
    ffmpeg_path(folder)  # refuses names that no film can be written under
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not overwrite:
            raise OutputError(f"{folder} is not empty; choose another --out, or give --overwrite")
        for old in (*(folder / name for name in RESULTS), *(folder / FOLDER).glob("*.jpg")):
            old.unlink(missing_ok=True)  # a new report beside old pictures would mislead
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror}; choose another --out") from error
    return folder


def _film(path: Path, source: FrameSource, inspector: Inspector) -> AnnotatedFilm:
    rendered = inspector.bundle.manifest.training.data_kind == "rendered"
    caption = CAPTION_RENDERED if rendered else CAPTION
    return AnnotatedFilm(path, fps=source.fps, thresholds=inspector.graph.thresholds, caption=caption)


def _check_seen(inspection: Inspection) -> None:
    """A run that looked at nothing is an error, not an empty report."""
    counts = inspection.accounting
    if counts.processed or inspection.status == "interrupted":
        return
    if counts.dropped.get("inference_failed"):
        raise InferenceError(f"{inspection.source.name}: inference failed on every frame; run 'sewer-edge selftest'")
    raise SourceError(f"{inspection.source.name}: no frame could be inspected: {'; '.join(inspection.status_reasons)}")
