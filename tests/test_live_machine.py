"""Whatever is done to a live stream, and in whatever order, the sum holds at every step."""

import threading

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_sdk.errors import InferenceError
from edge_sdk.live import LiveStream
from edge_sdk.live.intake import Intake
from edge_sdk.live.result import LiveModel, LiveSettings
from live_fakes import GREY, live_model, outputs, until

NUM_CAMERAS = 2


class SteppedSession:
    """Every run waits to be let go, and then does what it is told to."""

    provider, precision, threads = "stepped", "fp32", 1

    def __init__(self) -> None:
        self.go = threading.Semaphore(0)
        self.free = True  # runs of trials and warm-ups do not wait
        self.fails = False

    def run(self, images_NHWC: np.ndarray):
        if not self.free:
            self.go.acquire()
            if self.fails:
                raise InferenceError("told to")
        return outputs(len(images_NHWC), 0.0)

    def close(self) -> None: ...


class StreamMachine(RuleBasedStateMachine):
    """Submit, let go, fail, pause, resume, exchange, hang, stop; checks the sum and what each frame became after every step."""

    @initialize(batch=st.sampled_from([1, 2]))
    def begin(self, batch: int) -> None:
        self.sessions = [SteppedSession()]
        self.stream = LiveStream(live_model(self.sessions[0]), LiveSettings(batch=batch, stuck_s=600.0), num_cameras=NUM_CAMERAS)
        self.stream.start()
        assert self.stream.wait_ready(30)
        self.sessions[0].free = False
        self.reader = self.stream.results(depth=10_000)
        self.results = []
        self.submitted = [0] * NUM_CAMERAS
        self.before = self.stream.accounting
        self.stopped = False

    @rule(camera=st.integers(0, NUM_CAMERAS - 1), good=st.booleans(), times=st.integers(1, 4))
    def submit(self, camera: int, good: bool, times: int) -> None:
        for _ in range(times):
            seq = self.stream.submit(GREY if good else GREY[:4, :4], camera=camera)
            assert seq == self.submitted[camera]
            self.submitted[camera] += 1

    @rule(fails=st.booleans())
    def let_go(self, fails: bool) -> None:
        for session in self.sessions:
            session.fails = fails
            session.go.release()

    @rule()
    def poll(self) -> None:
        self.take()
        for camera in range(NUM_CAMERAS):
            newest = self.stream.latest(camera).result
            assert newest is None or newest.scores_C is not None

    @rule()
    def pause(self) -> None:
        self.stream.pause()

    @rule()
    def resume(self) -> None:
        self.stream.resume()

    @rule(batch=st.sampled_from(["auto", 1, 2]))
    def configure(self, batch) -> None:
        self.stream.configure(LiveSettings(batch=batch, stuck_s=600.0))

    @precondition(lambda self: not self.stopped)
    @rule(good=st.booleans())
    def swap(self, good: bool) -> None:
        session = SteppedSession()
        if not good:
            session.run = lambda images: None
        report = self.stream.swap(LiveModel(session, live_model(session).spec, f"model-{len(self.sessions)}"))
        session.free = False
        assert report.outcome == ("on_probation" if good else "refused")
        if good:
            self.sessions.append(session)

    @precondition(lambda self: not self.stopped)
    @rule()
    def give_the_worker_up(self) -> None:
        """As for a run that hangs."""
        self.stream.configure(LiveSettings(batch=1, stuck_s=1e-9))
        self.stream._crew.replace_if_stuck("tested")
        self.stream.configure(LiveSettings(batch=1, stuck_s=600.0))

    @precondition(lambda self: not self.stopped)
    @rule()
    def stop(self) -> None:
        self.stopped = True
        state = self.stream.stop(timeout_s=0.1)
        assert state == self.stream.state and state in ("stopped", "abandoned")
        until(lambda: self.stream.accounting.in_flight == 0)

    @invariant()
    def the_sum_holds(self) -> None:
        if not hasattr(self, "stream"):
            return
        now = self.stream.accounting
        assert now.balanced, now
        assert now.received == sum(self.submitted)
        assert now.processed >= self.before.processed and now.in_flight <= 2 * NUM_CAMERAS
        assert all(now.dropped.get(reason, 0) >= count for reason, count in self.before.dropped.items())
        parts = [camera.accounting for camera in self.stream.status.cameras]
        assert all(part.balanced for part in parts) and [part.received for part in parts] == self.submitted
        if self.stopped:
            assert now.in_flight == 0
        self.before = now

    def take(self) -> None:
        while (result := self.reader.poll()) is not None:
            self.results.append(result)

    def teardown(self) -> None:
        if not hasattr(self, "stream"):
            return
        for session in self.sessions:
            session.fails = False
            session.go.release(1000)
        if not self.stopped:
            until(lambda: self.stream.accounting.in_flight == 0)
            self.stream.stop()
        self.take()
        self.the_sum_holds()
        counts = self.stream.accounting
        good = [result for result in self.results if result.dropped is None]
        assert len(good) == counts.processed
        assert len(self.results) - len(good) == counts.dropped.get("inference_failed", 0)
        for camera in range(NUM_CAMERAS):
            mine = [result for result in self.results if result.camera == camera]
            assert [result.seq for result in mine] == sorted({result.seq for result in mine})
            answered = [result for result in mine if result.dropped is None]
            for earlier, later in zip([None, *answered], answered, strict=False):
                first = earlier.seq + 1 if earlier else 0
                assert later.dropped_before == later.seq - first, "the later result tells of every frame between the two, and of no other"


def test_the_last_result_of_a_worker_given_up_comes_before_the_next_ones() -> None:
    """Found by the machine: the old worker has claimed its frame and has not given the result out when the new worker begins."""
    intake = Intake(2, started_ns=0)
    intake.open()
    put = lambda camera: intake.put(camera, GREY, captured_ns=0, order="rgb")  # noqa: E731
    intake.reject(0, "bad_shape", captured_ns=0)
    put(0), put(1)
    first, second = intake.take(0, 2)
    assert intake.claim(first) == {"bad_shape": 1}
    epoch = intake.abandon()
    put(0), put(0)
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(intake.take(epoch, 2)))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive() and not taken, "the next frame of that camera waits"

    intake.settle(first, "inference_failed")
    thread.join(30)

    assert intake.claim(second) is None and intake.claim(taken[0]) == {"bad_shape": 1, "inference_failed": 1, "superseded": 1}
    intake.settle(taken[0], None)
    assert [part.dropped for part in intake.accounting()] == [{"bad_shape": 1, "superseded": 1, "inference_failed": 1}, {"abandoned": 1}]


TestStreamMachine = StreamMachine.TestCase
TestStreamMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
