"""A live run in a process of its own that drives on for ever and says what was acknowledged; its parent kills it.

python live_child.py BUNDLE KEY.pub RUN_DIR
"""

import sys
from pathlib import Path

import tiny
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.live.result import LiveSettings
from live_scripts import Drive, ready


def main(bundle: str, key: str, run_dir: str) -> None:
    with (
        Inspector(Bundle.open(Path(bundle), trust=[Path(key)]), threads=1) as inspector,
        LiveInspection(inspector, out=Path(run_dir), settings=LiveSettings(policy=inspector.policy, no_frame_s=60.0)) as live,
    ):
        ready(live)
        live.on_observation(lambda observation: print(observation.observation_id, flush=True))
        drive = Drive(live, speed_m_s=1.0)
        while True:
            drive.go(0.4, tiny.RED)
            drive.go(0.6)


if __name__ == "__main__":
    main(*sys.argv[1:])
