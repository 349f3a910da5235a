"""Profiles: the pictures, the process of its own, the file, the table, the caveats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qrcascade import Cascade, Measured, OptionError, Profile
from qrcascade.cli import main
from qrcascade.neural.runtimes import EXPORTS
from qrcascade.profile import measure, pictures, show
from qrcascade.profile.records import NAMES, SHIPPED


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["profile", *arguments], catch_exceptions=False)


def profile(**changes: object) -> Profile:
    row = Measured(
        "hybrid",
        "torch",
        load_s=5.0,
        mean_ms=100.0,
        p50_ms=50.0,
        p95_ms=200.0,
        p99_ms=300.0,
        cpu_ms=150.0,
        conditions={"blur": (1, 2), "sharp": (2, 2), "unreadable": (0, 2)},
        rss_peak_mb=900.0,
        cost_weights="random",
        success_weights="stand-in",
    )
    made = Profile("a machine", 2, "2026-01-01", {"numpy": "2"}, "6 pictures", (row,), note="A note.")
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.slow
def test_every_condition_is_made_and_the_same_again() -> None:
    by_name = {picture.condition: picture for picture in pictures.make(1)}
    assert list(by_name) == list(pictures.CONDITIONS)
    sharp = next(pictures.make(1))
    assert sharp == by_name["sharp"]
    assert sharp.file != next(pictures.make(1, seed=1)).file
    cascade = Cascade.preset("classical")
    for name in ("sharp", "several", "invoice"):
        assert sorted(cascade.read(by_name[name].file).texts) == sorted(by_name[name].texts)
    assert by_name["unreadable"].texts == ()


def test_the_command_measures_in_a_process_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "own" / "receipts"
    own.mkdir(parents=True)
    for number, picture in enumerate(pictures.draw(name, 0.5) for name in ("sharp", "invoice")):
        (own / f"{number}.jpg").write_bytes(picture.file)
        # The second one's truth is not what it says.
        (own / f"{number}.txt").write_text(picture.texts[0] if number == 0 else "another", "utf-8")
    file = tmp_path / "profile.json"
    result = run("--only", "classical", "--pictures", str(own.parent), "--output", str(file))
    assert result.exit_code == 0, result.output
    assert "| classical | - |" in result.stdout
    assert "[1 of 1] classical\n" in result.stderr
    found = Profile.load(file)
    (row,) = found.rows
    assert (row.name, row.conditions, row.wrong) == ("classical", {"receipts": (1, 2)}, 1)
    assert (row.cost_weights, row.success_weights, found.caveats) == ("none", "none", ())
    assert row.load_s > 0
    assert 0 < row.p50_ms <= row.p95_ms <= row.p99_ms
    assert row.rss_peak_mb is None or row.rss_peak_mb > 10
    again = run("--from", str(file), "--json")
    assert Profile.from_json(again.stdout) == found


@pytest.mark.slow
def test_what_cannot_run_is_left_out_with_its_reason(tmp_path: Path) -> None:
    sharp = pictures.draw("sharp", 0.5)
    (tmp_path / "a.jpg").write_bytes(sharp.file)
    (tmp_path / "a.txt").write_text(sharp.texts[0], "utf-8")
    folders = ("--pictures", str(tmp_path), "--weights-folder", str(tmp_path))
    result = run("--only", "n", "--only", "thorough", "--runtime", "onnx", *folders)
    assert result.exit_code == 1
    assert "Left out: n in onnx: QReader n" in result.stdout
    assert "thorough in onnx: QReader" in result.stdout


@pytest.mark.parametrize(
    "arguments",
    [["--only", "huge"], ["--runtime", "tvm"], ["--each", "0"]],
)
def test_a_wrong_command(arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_files_that_are_no_profile(tmp_path: Path) -> None:
    for text in ("", "[]", "{}", '{"caveats": [], "rows": [{}]}'):
        (tmp_path / "p.json").write_text(text)
        with pytest.raises(OptionError, match="not a profile"):
            Profile.load(tmp_path / "p.json")
    with pytest.raises(OptionError, match=r"cannot read the profile '.*nowhere\.json'"):
        Profile.load(tmp_path / "nowhere.json")
    with pytest.raises(OptionError, match="no picture"):
        list(pictures.read_folder(tmp_path))


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_a_truth_may_have_separators_in_it(tmp_path: Path, start: str) -> None:
    texts = ("0104012345678901\x1d21A", "second")
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "a.txt").write_text(f"{start}{texts[0]}\r\n\n{texts[1]}\n", "utf-8")
    (picture,) = pictures.read_folder(tmp_path)
    assert picture.texts == texts


def test_this_machines_own_profile_goes_before_the_shipped_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "profile.json"
    monkeypatch.setenv("QRCASCADE_PROFILE", str(file))
    assert Profile.load() == Profile.load(SHIPPED)
    file.write_text(profile().to_json(), "utf-8")
    assert Profile.load() == profile()


def test_success_leaves_out_what_nobody_can_read() -> None:
    (row,) = profile().rows
    assert (row.right, row.pictures, row.success) == (3, 4, 0.75)


def test_other_than_the_real_weights_is_said_everywhere() -> None:
    made = profile()
    said = "cost from random weights, success from stand-in weights"
    text = show.report(made)
    assert f"NOT the real weights: {said} (hybrid)" in text
    assert "A note." in text
    figures = [line for line in text.splitlines() if line.startswith("| ") and "hybrid" in line]
    assert len(figures) > 15
    assert all(said in line or line.startswith("| condition") for line in figures)
    assert len(json.loads(made.to_json())["caveats"]) == 2


def test_a_file_of_another_size_is_a_stand_in(tmp_path: Path) -> None:
    own, drawn = tmp_path / "own", tmp_path / "drawn"
    for folder, contents in ((own, {"n": b"n", "s": b"n", "m": b"m"}), (drawn, {"n": b"n", "s": b"s"})):
        folder.mkdir()
        for size, body in contents.items():
            (folder / f"qrdet-{size}.pt").write_bytes(body)
    kinds = {
        name: measure.weights_kind(name, own, None) for name in ("classical", "n", "small", "m", "hybrid")
    }
    assert kinds == {
        "classical": "none",
        "n": "given",
        "small": "stand-in",
        "m": "given",
        "hybrid": "stand-in",
    }
    assert measure.weights_kind("small", own, drawn) == "random"
    assert measure.weights_kind("n", own, drawn) == "given"


def test_a_detection_counts_as_long_as_the_architectures() -> None:
    one = {"wall": 1.0, "cpu": 2.0, "texts": ("a",), "detections": [["s", 0.1, 0.2], ["m", 0.1, 0.2]]}
    read = {"read": [[one]]}
    cost = {
        "detection": {"s": (0.3, 0.5), "m": (0.6, 1.0)},
        "load_s": 1.0,
        "parameters": 7,
        "rss_start_mb": None,
        "rss_loaded_mb": None,
        "rss_peak_mb": None,
    }
    row = measure.make_row("hybrid", "torch", read, cost, [pictures.Picture("blur", b"", ("a",))])
    assert (row.mean_ms, row.cpu_ms) == (1700.0, 3100.0)


def test_the_shipped_profile() -> None:
    shipped = Profile.load(SHIPPED)
    wanted = measure.configurations(NAMES, ("torch", *EXPORTS))
    measured = [(row.name, row.runtime) for row in shipped.rows]
    labels = [f"{name} in {runtime}" for name, runtime in wanted if (name, runtime) not in measured]
    assert [one for one in wanted if one in measured] == measured
    assert list(shipped.left_out) == labels
    for row in shipped.rows:
        assert row.right <= row.pictures
        assert 0 < row.p50_ms <= row.p95_ms <= row.p99_ms
        assert 0 < (row.rss_start_mb or 0) < (row.rss_loaded_mb or 0) <= (row.rss_peak_mb or 0)


def test_the_docs_have_the_shipped_profiles_tables() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "benchmarks", "profile.md").read_text("utf-8")
    assert show.report(Profile.load(SHIPPED)) in page, "paste `qrcascade profile --from` of the shipped one"
