"""The web page's list of recordings: thousands of them, and broken or harmful ones."""

import json
import os

import pytest

from a3c64.files import read_json
from a3c64.paramserver.web import recordings
from a3c64.paramserver.web.recordings import LISTED, Recordings

FACTS = {
    "recorded": "2026-01-01T00:00:00Z",
    "return": 1.0,
    "metrics": {"best_lap_s": 33.25},
    "steps": 900,
    "frameskip": 4,
}


def record(folder, name, content=None, **facts):
    """Write a movie, and `content` or the given facts beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.m64").write_bytes(b"M64\x1a" + bytes(100))
    (folder / f"{name}.json").write_text(json.dumps(FACTS | facts) if content is None else content)


def test_replays_and_videos_are_listed(tmp_path):
    worker = tmp_path / "replays" / "worker-3"
    record(worker, "old", recorded="2025-01-01T00:00:00Z", training={"step": 4000, "version": 1, "worker": 3})
    record(worker, "new", metrics={}, **{"return": -1.0})
    record(worker, "alone")
    (worker / "alone.json").unlink()
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"1234")
    found = Recordings(tmp_path).listed()
    assert found["count"] == 2
    assert [one["movie"] for one in found["newest"]] == ["replays/worker-3/new.m64", "replays/worker-3/old.m64"]
    best = found["best"][0]
    assert (best["facts"], best["worker"], best["step"]) == ("replays/worker-3/old.json", "3", 4000)
    assert (best["return"], best["figures"], best["seconds"]) == (1.0, {"best_lap_s": 33.25}, 60.0)
    assert best["bytes"] == sum((worker / name).stat().st_size for name in ("old.m64", "old.json"))
    assert found["videos"][0]["file"] == "videos/a.mp4"
    assert Recordings(tmp_path / "nothing").listed()["count"] == 0


DIGITS = "9" * 400
BROKEN = {
    "nothing": "",
    "cut": '{"recorded": "2',
    "list": "[]",
    "deep": "[" * 100_000,
    "deep inside": json.dumps(FACTS)[:-1] + ', "x": ' + "[" * 100_000,
    "not UTF-8": "\udcff",
    "NaN": json.dumps(FACTS | {"return": float("nan")}),
    "infinite": json.dumps(FACTS | {"return": float("-inf")}),
    "400 digits": json.dumps(FACTS).replace("900", DIGITS),
    "400 digits as return": json.dumps(FACTS).replace("1.0", DIGITS),
    "9000 digits": json.dumps(FACTS).replace("900", "9" * 9000),
    "year": json.dumps(FACTS | {"recorded": "999999-01-01"}),
    "time": json.dumps(FACTS | {"recorded": "z" * 1_000_000}),
    **{f"{name} is {value!r}": json.dumps(FACTS | {name: value}) for name in FACTS if name != "metrics"
       for value in ([], {}, "text", [[1]])},
    **{f"no {name}": json.dumps({key: value for key, value in FACTS.items() if key != name})
       for name in ("recorded", "return", "steps")},
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_replay_does_not_hide_the_others(tmp_path, name):
    worker = tmp_path / "replays" / "worker-0"
    record(worker, "good")
    (worker / "bad.m64").touch()
    (worker / "bad.json").write_bytes(BROKEN[name].encode(errors="surrogateescape"))
    found = Recordings(tmp_path).listed()
    assert [one["movie"] for one in found["newest"]] == ["replays/worker-0/good.m64"]
    assert found["count"] == 1


def test_wrong_details_of_a_replay_are_left_out(tmp_path):
    worker = tmp_path / "replays" / "worker-0"
    metrics = {"score": 3, "nan": float("nan"), "list": [], "digits": int(DIGITS), "\ud800": 1, "x" * 10**6: 2}
    record(worker, "one", metrics=metrics, training={"step": int(DIGITS), "worker": {"a": 1}})
    record(worker, "two", metrics=[1], training=[2])
    record(worker, "three", metrics={f"m{number}": number for number in range(100_000)})
    found = Recordings(tmp_path).listed()
    assert found["count"] == 3
    one = next(one for one in found["newest"] if one["movie"].endswith("one.m64"))
    assert one["figures"]["score"] == 3.0
    assert not {"nan", "list", "digits"} & set(one["figures"])
    assert (one["step"], one["worker"]) == (None, "0")
    assert len(json.dumps(found, allow_nan=False)) < 20_000, (
        "NaN is not JSON, and a browser would refuse the whole list"
    )


def test_names_and_links_cannot_lead_outside(tmp_path):
    worker = tmp_path / "replays" / "worker-0"
    record(worker, "good")
    record(tmp_path / "elsewhere", "secret")
    for suffix in (".m64", ".json"):
        (worker / f"link{suffix}").symlink_to(tmp_path / "elsewhere" / f"secret{suffix}")
        (worker / os.fsdecode(b"\xff" + suffix.encode())).write_bytes((worker / f"good{suffix}").read_bytes())
        (worker / f"line\nbreak{suffix}").write_bytes((worker / f"good{suffix}").read_bytes())
    os.mkfifo(worker / "fifo.json")
    (worker / "fifo.m64").touch()
    (tmp_path / "replays" / "worker-1").symlink_to(tmp_path / "elsewhere")
    assert Recordings(tmp_path).listed()["count"] == 1


def test_each_of_25000_replays_is_read_once(tmp_path, monkeypatch):
    read = []

    def counted(path, most):
        read.append(path)
        return read_json(path, most)

    monkeypatch.setattr(recordings, "read_json", counted)
    folders = [tmp_path / "replays" / f"worker-{k}" for k in range(4)]
    for folder in folders:
        folder.mkdir(parents=True)
    movie = tmp_path / "movie"
    movie.write_bytes(bytes(100))
    for number in range(25_000):
        folder = folders[number % 4]
        os.link(movie, folder / f"{number}.m64")
        (folder / f"{number}.json").write_text(json.dumps(FACTS | {"return": number}))
    listed = Recordings(tmp_path)
    for _ in range(1000):
        if (found := listed.listed())["count"] == 25_000:
            break
    assert found["count"] == 25_000
    assert [one["return"] for one in found["best"]] == [24_999 - number for number in range(LISTED)]
    assert len(read) == 25_000

    record(folders[1], "1", recorded="2027-01-01T00:00:00Z", metrics={"score": 5})
    (folders[0] / "0.json").unlink()
    (folders[2] / "2.m64").unlink()
    found = listed.listed()
    assert found["count"] == 24_998
    assert found["newest"][0]["figures"] == {"score": 5.0}
    assert len(read) == 25_001


def test_reading_stops_in_time_and_goes_on_at_the_next_call(tmp_path, monkeypatch):
    for number in range(10):
        record(tmp_path / "replays" / "worker-0", str(number))
    listed = Recordings(tmp_path)
    monkeypatch.setattr(recordings, "READ_S", -1.0)
    assert listed.listed()["count"] == 0
    monkeypatch.setattr(recordings, "READ_S", 600.0)
    assert listed.listed()["count"] == 10
    monkeypatch.setattr(recordings, "READ_S", -1.0)
    assert listed.listed()["count"] == 10
