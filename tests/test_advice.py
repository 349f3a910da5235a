"""`advise`: which preset, what it costs, how many instances; from a made-up profile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from qrcascade import Measured, OptionError, Profile, advise
from qrcascade.cli import main
from qrcascade.profile import USE_CASES
from qrcascade.profile.records import SHIPPED


def row(name: str, runtime: str, cpu: float, p95: float, peak: float | None, right: int) -> Measured:
    return Measured(
        name,
        runtime,
        load_s=cpu / 10,
        mean_ms=cpu,
        p50_ms=cpu,
        p95_ms=p95,
        p99_ms=p95,
        cpu_ms=cpu,
        conditions={"blur": (right, 100)},
        rss_peak_mb=peak,
        cost_weights="none" if runtime == "-" else "random",
        success_weights="none" if runtime == "-" else "stand-in",
    )


ROWS = (
    row("classical", "-", 10, 100, 100, 70),
    row("light", "-", 20, 200, 150, 80),
    row("n", "torch", 1, 1, 1, 100),
    row("small", "openvino", 50, 500, 400, 90),
    row("small", "torch", 60, 600, 900, 90),
    row("hybrid", "openvino", 100, 1500, 700, 95),
)
PROFILE = Profile("a machine", 2, "2026-01-01", {}, "100 pictures", ROWS, note="A note.")


@pytest.mark.parametrize(
    ("wish", "preset", "runtime"),
    [
        ({}, "hybrid", "openvino"),
        ({"success": 0.6}, "classical", "-"),
        ({"success": 0.7}, "classical", "-"),
        ({"success": 0.71}, "light", "-"),
        ({"success": 0.85}, "small", "openvino"),
        ({"ram": 512}, "small", "openvino"),
        ({"ram": 399}, "light", "-"),
        ({"ram": 512, "p95": 150}, "classical", "-"),
        ({"load": 1.5}, "classical", "-"),
        ({"ram": 512, "p95": 150, "success": 0.85}, None, None),
        ({"success": 1.0}, None, None),
        ({"use_case": "legal"}, "hybrid", "openvino"),
        ({"use_case": "batch"}, "small", "openvino"),
        ({"use_case": "edge"}, "small", "openvino"),
        ({"use_case": "edge", "ram": 200}, "light", "-"),
        ({"use_case": "high-volume"}, "light", "-"),
        ({"use_case": "invoices"}, "small", "openvino"),
        ({"use_case": "serverless"}, "light", "-"),
    ],
)
def test_which_preset(wish: dict[str, object], preset: str | None, runtime: str | None) -> None:
    answer = advise(**wish, profile=PROFILE, installed_only=False)  # type: ignore[arg-type]
    assert (answer.preset, answer.runtime) == (preset, runtime)
    assert answer.fits == (preset is not None) == (not answer.misses)


def test_the_order_of_the_rows_does_not_matter() -> None:
    backwards = replace(PROFILE, rows=ROWS[::-1])
    for wish in ({}, {"success": 0.9}, {"ram": 50.0}):
        assert advise(**wish, profile=backwards).row == advise(**wish, profile=PROFILE).row  # type: ignore[arg-type]


def test_the_nearest_miss() -> None:
    # P95: light misses by a third and success by 1.06; the others by more.
    answer = advise(p95=150, success=0.85, profile=PROFILE)
    assert answer.preset is None
    assert not answer
    assert answer.row.name == "classical"
    assert answer.misses == ("success is 70 %, under 85 %",)
    unmeasured = replace(PROFILE, rows=(row("light", "-", 20, 200, None, 80),))
    assert advise(ram=512, profile=unmeasured).misses == ("peak memory was not measured on that machine",)


def test_cost_and_instances() -> None:
    answer = advise(success=0.7, price_per_hour=0.0168, vcpu=2, per_day=10_000_000, profile=PROFILE)
    # 10 ms of a processor each: 200 a second on two.
    assert answer.per_hour == 720_000
    assert answer.cost_per_million == pytest.approx(0.0168 / 0.72)
    # 17.28 million a day, of which 70 % are planned for.
    assert answer.instances == 1
    assert advise(success=0.7, per_day=12_100_000, profile=PROFILE).instances == 2
    bare = advise(success=0.7, profile=PROFILE)
    assert (bare.cost_per_million, bare.instances, bare.per_hour) == (None, None, 720_000)


def test_it_says_what_it_rests_on() -> None:
    said = " ".join(advise(profile=PROFILE, installed_only=False).reasons)
    for part in ("95 of 100", "P95 1500 ms", "700 MB", "a machine", "100 pictures", "A note."):
        assert part in said
    assert "NOT the real weights: cost from random weights, success from stand-in weights" in said
    assert "NOT" not in " ".join(advise(success=0.7, profile=PROFILE).reasons)
    assert "these figures are shipped" not in said


def test_shipped_figures_are_called_so() -> None:
    answer = advise(success=0.7, profile=Profile.load(SHIPPED))
    assert answer.preset == "classical"
    assert "  these figures are shipped; for those of this machine, run `qrcascade profile`\n" in str(answer)
    assert "Nano" not in str(answer)


@pytest.mark.parametrize(
    "wish",
    [
        {"ram": 0},
        {"p95": -1},
        {"load": float("nan")},
        {"success": 85},
        {"use_case": "fun"},
        {"price_per_hour": float("inf")},
        {"profile": replace(PROFILE, rows=ROWS[2:3])},
    ],
)
def test_what_means_nothing(wish: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        advise(**{"profile": PROFILE, **wish})  # type: ignore[arg-type]


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "p.json").write_text(PROFILE.to_json(), "utf-8")
    return str(tmp_path / "p.json")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["advise", *arguments], catch_exceptions=False)


def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runtime: str, *sizes: str) -> None:
    """Let one runtime be installed, with these sizes' weights."""
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("qrcascade.neural.runtimes.is_installed", lambda name: name == runtime)
    for size in sizes:
        (tmp_path / f"qrdet-{size}.pt").write_bytes(b"weights")


@pytest.mark.parametrize(
    ("sizes", "preset", "runtime"),
    [("", "light", "-"), ("s", "small", "torch"), ("sm", "small", "torch")],
)
def test_it_names_nothing_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sizes: str, preset: str, runtime: str
) -> None:
    install(monkeypatch, tmp_path, "torch", *sizes)
    answer = advise(profile=PROFILE)
    assert (answer.preset, answer.runtime) == (preset, runtime)
    assert "not installed here" in answer.reasons[-1]
    assert advise(profile=PROFILE, installed_only=False).preset == "hybrid"


def test_a_user_without_a_home_has_no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, "torch", "s")
    monkeypatch.delenv("QRCASCADE_WEIGHTS")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: Path("~/.cache"))
    assert advise(profile=PROFILE).preset == "light"


def test_an_export_counts_as_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, "openvino", "s", "m")
    assert advise(profile=PROFILE).preset == "light"
    monkeypatch.setattr("qrcascade.neural.runtimes.find_export", lambda size, runtime: size in "sm")
    assert advise(profile=PROFILE).preset == "hybrid"
    nothing = replace(PROFILE, rows=ROWS[4:5])
    with pytest.raises(OptionError, match="nothing in the profile is installed here"):
        advise(profile=nothing)


def test_the_command(file: str) -> None:
    result = run("--all", "--profile", file, "--ram", "512", "--price-per-hour", "0.0168", "--per-day", "1e6")
    assert result.exit_code == 0
    first, *rest = result.stdout.splitlines()
    assert first == "preset: small, runtime openvino"
    assert "an instance reads 144,000 pictures an hour" in rest
    assert "a million pictures cost 0.12" in rest
    assert "instances for the daily volume, 70 % busy: 1" in rest
    assert "NOT the real weights" in result.stdout
    found = json.loads(run("--all", "--profile", file, "--ram", "512", "--json").stdout)
    assert (found["preset"], found["row"]["rss_peak_mb"]) == ("small", 400)
    assert run("--profile", file).stdout.startswith("preset: light\n")
    nothing = run("--profile", file, "--p95", "5")
    assert nothing.exit_code == 1
    assert nothing.stdout.startswith(
        "nothing fits; the nearest miss is classical\n  misses: P95 is 100 ms, over 5\n"
    )
    assert run("--profile", f"{file}.not").exit_code == 2


def test_docs_have_every_use_case() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "choosing.md").read_text("utf-8")
    for name, case in USE_CASES.items():
        cells = [("-" if v is None else f"{v:g}") for v in (case.ram, case.p95, case.success, case.load)]
        assert f"| `{name}` | {' | '.join(cells)} |" in page
