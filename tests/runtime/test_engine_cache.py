import errno
import logging
import os
import shutil
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from edge_sdk.errors import EngineError, InputError
from edge_sdk.runtime import engine_cache
from edge_sdk.runtime.engine_cache import EngineCache, default_cache_dir
from edge_sdk.runtime.engine_key_file import device_key

KEY, OTHER = "a" * 64, "b" * 64
PLAN = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    made = EngineCache(tmp_path / "engines")
    assert made.write(KEY, PLAN, {"gpu": "Orin"})
    return made


def files(cache: EngineCache) -> dict[str, Path]:
    assert cache.folder is not None
    return {path.suffix: path for path in cache.folder.iterdir()}


def test_what_was_written_is_read_and_the_plan_file_is_the_plan(cache: EngineCache) -> None:
    assert cache.read(KEY) == PLAN
    assert files(cache)[".bin"].read_bytes() == PLAN
    assert b'"gpu": "Orin"' in files(cache)[".json"].read_bytes()


def test_another_process_of_this_device_reads_it_too(cache: EngineCache) -> None:
    assert EngineCache(cache.folder).read(KEY) == PLAN


def test_what_is_not_there_is_none(cache: EngineCache, tmp_path: Path) -> None:
    assert cache.read(OTHER) is None
    assert EngineCache(tmp_path / "none").read(KEY) is None
    assert EngineCache(None).read(KEY) is None and not EngineCache(None).write(KEY, PLAN, {})


@pytest.mark.parametrize("suffix", [".bin", ".json"])
@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: data[:-1],
        lambda data: data + b"\n{}",
        lambda data: b"",
        lambda data: b"\x00" * len(data),
        lambda data: data[: len(data) // 2],
    ],
    ids=["bit flipped", "one byte short", "longer", "empty", "zeros", "half"],
)
def test_an_altered_entry_is_refused_and_put_aside(cache: EngineCache, suffix: str, harm: Any) -> None:
    path = files(cache)[suffix]
    path.write_bytes(harm(path.read_bytes()))

    assert cache.read(KEY) is None
    assert sorted(p.suffix for p in path.parent.iterdir()) == [".refused", ".refused"]
    assert cache.write(KEY, PLAN, {}) and cache.read(KEY) == PLAN


def test_every_flipped_bit_of_a_description_is_noticed(cache: EngineCache) -> None:
    """Or harmless: white space that JSON does not read. What is read must be the plan."""
    path = files(cache)[".json"]
    good = path.read_bytes()
    read = 0
    for at in range(0, len(good) * 8, 19):
        flipped = bytearray(good)
        flipped[at // 8] ^= 1 << at % 8
        path.write_bytes(flipped)
        found = cache.read(KEY)
        assert found in (None, PLAN)
        read += found is not None
        path.write_bytes(good)
        path.with_suffix(".bin").write_bytes(PLAN)
    assert read <= 2


def test_an_entry_of_another_device_is_refused(cache: EngineCache, tmp_path: Path) -> None:
    """Its own key lies beside its folder, so that a copied folder comes without it."""
    assert cache.folder is not None
    shutil.copytree(cache.folder, tmp_path / "robot" / "engines")
    there = EngineCache(tmp_path / "robot" / "engines")

    assert there.read(KEY) is None
    assert not (tmp_path / "robot" / "engines" / f"{KEY[:40]}.bin").exists()


def test_an_entry_under_another_name_is_refused(cache: EngineCache) -> None:
    for path in files(cache).values():
        path.rename(path.with_stem(OTHER[:40]))
    assert cache.read(OTHER) is None


def test_a_link_or_a_pipe_is_not_followed(cache: EngineCache, tmp_path: Path) -> None:
    path = files(cache)[".bin"]
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert cache.read(KEY) is None

    os.mkfifo(path)
    path.with_suffix(".json").write_bytes(b"{}")
    assert cache.read(KEY) is None


def test_files_are_for_their_owner_alone(cache: EngineCache) -> None:
    assert cache.folder is not None
    for path in [*cache.folder.iterdir(), cache.folder.with_name(".engines.key")]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("code", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_disk_that_takes_nothing_costs_the_cache_and_is_said_once(
    cache: EngineCache, code: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = os.open

    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> int:
        if flags & os.O_CREAT:
            raise OSError(code, os.strerror(code), str(path))
        return real(path, flags, *rest, **more)

    monkeypatch.setattr(os, "open", opened)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not cache.write(OTHER, PLAN, {})
    assert len(caplog.records) == 1 and "serves from memory" in caplog.text
    assert cache.read(KEY) == PLAN


def test_a_disk_that_fills_up_leaves_nothing_half_written(cache: EngineCache) -> None:
    import resource
    import signal

    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        assert not cache.write(OTHER, PLAN, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path.name for path in files(cache).values()} == {f"{KEY[:40]}.bin", f"{KEY[:40]}.json"}


@pytest.mark.parametrize("step", ["bin", "json"])
def test_a_stop_between_the_files_of_an_entry_never_gives_half_of_it(
    cache: EngineCache, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = engine_cache._write_whole

    def cut(path: Path, data: bytes) -> None:
        if path.suffix == f".{step}":
            raise KeyboardInterrupt
        real(path, data)

    monkeypatch.setattr(engine_cache, "_write_whole", cut)
    with pytest.raises(KeyboardInterrupt):
        cache.write(KEY, PLAN[::-1], {})
    monkeypatch.undo()
    assert cache.read(KEY) in (None, PLAN)


def test_the_entries_unused_for_longest_are_dropped(cache: EngineCache, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.folder is not None
    monkeypatch.setattr(engine_cache, "MAX_ENTRIES", 2)
    cache.write(OTHER, PLAN, {})
    for age, key in ((100, KEY), (200, OTHER)):
        os.utime(cache.folder / f"{key[:40]}.bin", (1e9 - age, 1e9 - age))
    assert cache.read(OTHER) == PLAN  # used now

    cache.write("c" * 64, PLAN, {})
    assert [cache.read(key) is not None for key in (KEY, OTHER, "c" * 64)] == [False, True, True]


def test_a_folder_that_cannot_be_made_costs_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    cache = EngineCache(tmp_path / "file" / "engines", key_path=tmp_path / "key")
    assert not cache.write(KEY, PLAN, {}) and cache.read(KEY) is None
    with cache.locked(KEY, stopped=lambda: False, timeout_s=1, say=print):
        pass


# ---- the key file


def test_the_key_stays_the_same(tmp_path: Path) -> None:
    key = device_key(tmp_path / "new" / "key")
    assert len(key) == 32 and device_key(tmp_path / "new" / "key") == key
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["key"]


def test_two_that_come_first_agree_on_one_key(tmp_path: Path) -> None:
    start, keys = threading.Barrier(8), []

    def come() -> None:
        start.wait()
        keys.append(device_key(tmp_path / "key"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(keys) == 8 and len(set(keys)) == 1


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.chmod(0o644), "others could have"),
        (lambda path: path.write_bytes(b"short"), "not an engine key"),
        (lambda path: path.write_bytes(b""), "not an engine key"),
        (lambda path: path.write_bytes(bytes(33)), "not an engine key"),
    ],
)
def test_a_key_file_that_is_not_ours_alone_is_refused_and_costs_the_cache(
    cache: EngineCache, harm: Any, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert cache.folder is not None
    path = cache.folder.with_name(".engines.key")
    harm(path)

    with pytest.raises(InputError, match=words):
        device_key(path)
    fresh = EngineCache(cache.folder)
    assert fresh.read(KEY) is None and not fresh.write(OTHER, PLAN, {})
    assert len(caplog.records) == 1


def test_a_key_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    device_key(tmp_path / "key")
    (tmp_path / "link").symlink_to(tmp_path / "key")
    with pytest.raises(OSError, match="symbolic links"):
        device_key(tmp_path / "link")


# ---- the lock


def test_the_second_builder_waits_for_the_first(cache: EngineCache) -> None:
    said, order = list[str](), list[str]()
    first = cache.locked(KEY, stopped=lambda: False, timeout_s=60, say=said.append)
    first.__enter__()

    def second() -> None:
        with EngineCache(cache.folder).locked(KEY, stopped=lambda: False, timeout_s=60, say=said.append):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    while not said:
        thread.join(0.01)
    order.append("first done")
    first.__exit__(None, None, None)
    thread.join(60)
    assert order == ["first done", "second"] and said == ["another process builds this engine; waiting for it"]


def test_waiting_ends_when_stopped_or_after_the_time(cache: EngineCache) -> None:
    with cache.locked(KEY, stopped=lambda: False, timeout_s=9, say=print):
        for stopped, timeout_s, reason in ((True, 9.0, "stopped"), (False, 0.0, "timeout")):
            second = EngineCache(cache.folder).locked(KEY, stopped=lambda s=stopped: s, timeout_s=timeout_s, say=print)
            with pytest.raises(EngineError) as caught, second:
                raise AssertionError
            assert caught.value.reason == reason


def test_another_engine_is_not_waited_for(cache: EngineCache) -> None:
    with (
        cache.locked(KEY, stopped=lambda: False, timeout_s=0, say=print),
        cache.locked(OTHER, stopped=lambda: False, timeout_s=0, say=print),
    ):
        pass


@pytest.mark.parametrize(
    ("xdg", "home", "folder"),
    [("/x", "/h", "/x/sewer-edge/engines"), ("", "/h", "/h/.cache/sewer-edge/engines"), ("rel", "/h", "/h/.cache/sewer-edge/engines")],
)
def test_the_default_folder_is_the_users_cache(xdg: str, home: str, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", xdg)
    monkeypatch.setenv("HOME", home)
    assert default_cache_dir() == Path(folder)
