import sys, time, resource
import msgspec, pytest
from pathlib import Path
import tiny
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.journal.inspection import inspection_from_journal, rows_of
from edge_sdk.journal.entries import *
from edge_sdk.journal import Journal, entries
from edge_sdk.live.result import LiveSettings
from live_fakes import until
from live_scripts import Drive, picture, ready, observed

@pytest.fixture(scope="module")
def inspector(bundle_path, trust):
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as i:
        yield i

def kill(live):
    """as SIGKILL: the journal gets nothing more; lock free"""
    run = live._run
    run._journal._writer.finish(1); run._journal._lock.release()
    run._over=True
    run.stream.stop(1.0)
    run.ledger.finish(2)
    run.supervisor.stop("x")

def show(tag, insp):
    print(f"\n== {tag}: {insp.status} {insp.accounting} cov {insp.coverage.from_m}..{insp.coverage.to_m} {insp.coverage.duration_s}")
    for r in insp.status_reasons: print("  R", r[:300])
    for n in insp.notices: print("  N", n[:200])
    for g in insp.coverage.gaps: print("  G", g)
    for o in insp.observations: print("  O", o.observation_id, o.seq, o.class_.code, o.chainage_m, o.time_s, o.camera, o.picture and o.picture.path)

def test_in_view_lost(inspector, tmp_path):
    out = tmp_path/"run"
    live = LiveInspection(inspector, out=out, resume=True); live.start(); ready(live)
    d = Drive(live, speed_m_s=0.3); d.go(0.3); d.go(1.6, tiny.RED); 
    until(lambda: any('"in_view":[{' in body_from_entry(Progress(time_s=0,chainage_m=None,accounting=live._run._ended().accounting,from_m=None,to_m=None,travelled_m=None,duration_s=0,in_view=tuple(s for p in live._run.ledger._pages for s in p.tracks.in_view))) for _ in (1,)))
    d.go(1.3, tiny.RED)
    kill(live)
    show("after kill", inspection_from_journal(out))
    with LiveInspection(inspector, out=out, resume=True) as live:
        ready(live); d = Drive(live); d.at_m = 3.0; d.go(0.5)
    show("resumed", live.inspection)

def test_lock_leak(inspector, tmp_path):
    out = tmp_path/"run"
    with LiveInspection(inspector, out=out, resume=True) as live: ready(live)
    try:
        LiveInspection(inspector, out=out, resume=True, settings=LiveSettings(thresholds=(0.5,)))
    except Exception as e: print("\nfirst", type(e), e)
    try:
        l = LiveInspection(inspector, out=out, resume=True); l.stop(); print("second ok")
    except Exception as e: print("second", type(e), e)

def test_two_cameras_one_silent(inspector, tmp_path):
    out = tmp_path/"run"
    live = LiveInspection(inspector, out=out, resume=True, cameras=2); live.start(); ready(live)
    for i in range(120):
        time.sleep(0.04)
        live.submit(picture(i), camera=0, distance_m=i*0.02)
        if i < 25: live.submit(picture(1000+i), camera=1)
    time.sleep(1.2)
    kill(live)
    show("two cams", inspection_from_journal(out))

def test_camera_count(inspector, tmp_path):
    out = tmp_path/"run"
    for num in (1, 3, 2, 1):
        with LiveInspection(inspector, out=out, resume=True, cameras=num) as live:
            ready(live)
            for c in range(num):
              for i in range(40):
                time.sleep(0.02)
                live.submit(picture(i+c*100, tiny.RED if 10<i<25 else None), camera=c, distance_m=num*10+i*0.04)
                until(lambda: live.stream.accounting.in_flight == 0)
    show("counts", live.inspection)
    ids=[o.observation_id for o in live.inspection.observations]; assert len(ids)==len(set(ids)); 
    ps=[o.picture.path for o in live.inspection.observations if o.picture]; assert len(ps)==len(set(ps)), ps

def test_silent_robot_time(inspector, tmp_path):
    out = tmp_path/"run"
    t0=time.monotonic()
    live = LiveInspection(inspector, out=out, resume=True); live.start(); ready(live)
    live.submit(picture(0), distance_m=1.0); time.sleep(5)
    kill(live)
    live = LiveInspection(inspector, out=out, resume=True); 
    print("\n real elapsed", time.monotonic()-t0, "run says", live._run._opened.begin_s, live._run._opened.earlier.off)
    live.stop()

def test_many_crashes(inspector, tmp_path):
    out = tmp_path/"run"
    with LiveInspection(inspector, out=out, resume=True) as live: ready(live); live.submit(picture(0), distance_m=1.0); until(lambda: live.status.accounting.processed)
    for n in range(6):
        live = LiveInspection(inspector, out=out, resume=True); live.start(); ready(live); time.sleep(0.2); kill(live)
    show("crash loop", inspection_from_journal(out))

def test_far_boot(inspector, tmp_path, monkeypatch):
    out = tmp_path/"run"
    with LiveInspection(inspector, out=out, resume=True) as live: ready(live); live.submit(picture(0), distance_m=1.0); until(lambda: live.status.accounting.processed)
    import edge_sdk.live_run.opening as o
    from datetime import datetime, timezone, timedelta
    now=(datetime.now(timezone.utc)+timedelta(days=29)).isoformat(timespec="milliseconds")
    monkeypatch.setattr(o, "stamp_now", lambda: Stamp("next boot", 5, now))
    with LiveInspection(inspector, out=out, resume=True) as live:
        ready(live); d=Drive(live, speed_m_s=1.0); d.at_m=2; d.go(.3); d.go(.3, tiny.RED); d.go(.6)
        until(lambda: live.latest().result)
        print(live.latest())
    show("29 days", live.inspection)
