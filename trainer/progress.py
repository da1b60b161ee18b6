"""What a person sees while a run goes: a bar with time left on a terminal, plain lines elsewhere. Talk goes to stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_INTERVAL_S = 15.0


class TrainingProgress(Protocol):
    """Where a run reports to: entered once, advanced per step, told of each logging interval and validation."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def advance(self, step: int, text: str) -> None:
        """Step `step` of the run is done; `text` holds the current figures."""
        ...

    def say(self, text: str | None) -> None:
        """One line that stays; None says nothing."""
        ...


def progress_for(num_steps: int, *, quiet: bool = False) -> TrainingProgress:
    """A bar on a terminal, else lines; nothing where another process reports."""
    if quiet:
        return _Silent()
    return _Bar(num_steps) if sys.stderr.isatty() else _Lines(num_steps)


@contextmanager
def counting(total: int | None, unit: str) -> Iterator[Callable[[str, int], None]]:
    """A count over several named parts, as (part, done in it); `total` over all parts where it is known."""
    done_in: dict[str, int] = {}
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(unit, total=total)

        def count(part: str, done: int) -> None:
            done_in[part] = done
            progress.update(task, completed=sum(done_in.values()), description=f"{unit}, {part}")

        yield count


class _Silent:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def advance(self, step: int, text: str) -> None:
        return

    def say(self, text: str | None) -> None:
        return


@contextmanager
def counting_late(total: int | None, unit: str) -> Iterator[Callable[[str, int], None]]:
    """As `counting`, shown at the first count: whoever is refused for his arguments sees one line and no bar."""
    with ExitStack() as stack:
        shown: list[Callable[[str, int], None]] = []

        def count(part: str, done: int) -> None:
            if not shown:
                shown.append(stack.enter_context(counting(total, unit)))
            shown[0](part, done)

        yield count


class _Bar:
    def __init__(self, num_steps: int) -> None:
        columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
        self._progress = Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True))
        self._task = self._progress.add_task("", total=num_steps)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    def advance(self, step: int, text: str) -> None:
        self._progress.update(self._task, completed=step, description=text)

    def say(self, text: str | None) -> None:
        if text is not None:
            self._progress.console.print(text, highlight=False)


class _Lines:
    def __init__(self, num_steps: int) -> None:
        self._num_steps = num_steps
        self._first: tuple[float, int] | None = None
        self._last_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return

    def advance(self, step: int, text: str) -> None:
        now_s = time.monotonic()
        self._first = self._first or (now_s, step)
        if now_s - self._last_s >= LINE_INTERVAL_S:
            self._last_s = now_s
            self.say(f"step {step}/{self._num_steps}, {text}{self._left(now_s, step)}")

    def say(self, text: str | None) -> None:
        if text is not None:
            print(text, file=sys.stderr, flush=True)  # noqa: T201  # the one place that talks

    def _left(self, now_s: float, step: int) -> str:
        start_s, start = self._first or (now_s, step)
        return f", {(now_s - start_s) / (step - start) * (self._num_steps - step) / 60:.1f} min left" if step > start else ""
