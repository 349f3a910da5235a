"""The benchmark's own arithmetic, and the made pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import pages, schedule, synthetic
from benchmarks.__main__ import main
from benchmarks.candidates import REGION
from benchmarks.corpora import Picture, load
from benchmarks.harness import each, in_rounds, in_turns
from benchmarks.readers import Output, Reading
from benchmarks.scoring import score, summarise
from qrcascade import Frame, Quad
from qrcascade.image.frame import Gray
from qrcascade.strategies.classical import SCHEDULE
from qrcascade.strategies.regions import REGION_LOOKS, look_at_region
from tests import draw


def square(x: float) -> Quad:
    return Quad(((x, 0), (x + 10, 0), (x + 10, 10), (x, 10)))


def nothing() -> Gray:
    return np.zeros((1, 1, 3), np.uint8)


def said(*outputs: tuple[str, float]) -> Reading:
    found = [Output(text, square(x), text.encode()) for text, x in outputs]
    return Reading(found, found)


OUTLINED = Picture(nothing, "a", "easy", (square(0), square(20)), codes=2)
KNOWN = Picture(nothing, "b", "easy", payload=b"right")
EMPTY = Picture(nothing, "c", "none", codes=0)


@pytest.mark.parametrize(
    ("picture", "reading", "read", "extra", "wrong"),
    [
        (OUTLINED, said(("x", 1), ("y", 21)), 2, 0, 0),
        # One output, however large, is one code; one code is read once.
        (OUTLINED, said(("x", 1), ("y", 2)), 1, 1, 0),
        (OUTLINED, said(("", 1)), 0, 0, 0),
        (OUTLINED, said(("x", 50)), 0, 1, 0),
        (KNOWN, said(("right", 0)), 1, 0, 0),
        (KNOWN, said(("right", 0), ("another", 50)), 1, 0, 0),
        (KNOWN, said(("wrong", 0)), 0, 0, 1),
        (KNOWN, said(), 0, 0, 0),
        (EMPTY, said(("ghost", 0)), 0, 1, 1),
        (EMPTY, said(), 0, 0, 0),
    ],
)
def test_score(picture: Picture, reading: Reading, read: int, extra: int, wrong: int) -> None:
    record = score("reader", picture, reading, 1.0)
    assert (record.read, record.extra, record.wrong) == (read, extra, wrong)


def test_conflicts_are_different_payloads_at_one_place() -> None:
    assert score("r", OUTLINED, said(("x", 0), ("x", 0), ("y", 21)), 1.0).conflict == 0
    assert score("r", OUTLINED, said(("x", 0), ("y", 1)), 1.0).conflict == 1


def test_macro_is_the_mean_of_the_categories() -> None:
    other = Picture(nothing, "d", "hard", payload=b"right")
    records = [score("r", OUTLINED, said(("x", 0), ("y", 20)), 2.0), score("r", other, said(), 4.0)]
    summary = summarise(records)
    assert summary.macro == 50.0
    assert summary.micro == pytest.approx(200 / 3)
    assert summary.mean_ms == 3.0


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_bytes("Grüße\r\n".encode())
    (picture,) = load(str(tmp_path))
    assert (picture.payload, picture.rgb().shape) == ("Grüße\r\n", (4, 4, 3))
    with pytest.raises(FileNotFoundError, match="no pictures"):
        load(str(tmp_path / "nowhere"))


def test_easy_pictures_are_timed_as_pixels_and_as_files(tmp_path: Path) -> None:
    from PIL import Image

    Image.fromarray(draw.symbol("easy")[0]).save(tmp_path / "easy.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "empty.png")
    said = CliRunner().invoke(
        main, ["easy", "--corpus", str(tmp_path), "--runs", "1"], catch_exceptions=False
    )
    assert f"{tmp_path}, gray array: 1 pictures" in said.output
    assert f"{tmp_path}, smaller file: 1 pictures" in said.output
    assert f"{tmp_path}: 0 more" in said.output


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*synthetic.CONDITIONS, *synthetic.SCENARIOS])
def test_made_pictures_are_the_same_each_time_and_true(kind: str) -> None:
    one, same, other = (synthetic.draw(kind, 0.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.rgb, same.rgb)
    assert one.payloads == same.payloads
    assert one.rgb.shape != other.rgb.shape or (one.rgb != other.rgb).any()
    assert len(one.quads) == len(one.payloads) == {"unreadable": 0, "several": 4}.get(kind, 1)
    # At severity 0 every code can be read, and lies where the truth says.
    from qrcascade import Cascade

    read = Cascade.preset("classical").read(one.rgb, expect=len(one.quads) or None)
    assert sorted(code.data or b"" for code in read.codes) == sorted(one.payloads)
    for quad, payload in zip(one.quads, one.payloads, strict=True):
        (code,) = (code for code in read.codes if code.data == payload)
        assert code.quad.overlap(quad) > 0.9


def test_a_table_writes_figures_as_its_columns_say() -> None:
    rows = [["a", 1, 0.256, 1.5], ["b", 20, "", np.float64(2)]]
    assert pages.table(["what", "n", "share {:.0%}", "mean ms {:.2f}"], rows).splitlines() == [
        "| what | n | share | mean ms |",
        "| --- | ---: | ---: | ---: |",
        "| a | 1 | 26% | 1.50 |",
        "| b | 20 |  | 2.00 |",
    ]
    assert pages.table(["n", "said"], [[1, "yes"]], words=(1,)).splitlines()[1] == "| ---: | --- |"
    assert "| 0.9 to 0.95 | 2 | 0.9150 | 1 | 1 |" in pages.confidences([(0.9, True), (0.93, False)])
    assert pages.confidences([]) == ""


def test_a_page_says_how_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    monkeypatch.setattr("sys.argv", ["benchmarks", "run", "--note", "a b"])
    pages.publish("page", ["one", "", "two"], save=False)
    assert list(tmp_path.iterdir()) == []
    pages.publish("page", ["one", "", "two"], save=True)
    title, command, _, *parts = (tmp_path / "page.md").read_text(encoding="utf-8").split("\n\n")
    assert (title, command) == ("# page", "`python -m benchmarks run --note 'a b'`")
    assert parts == ["one", "two\n"]


def test_arguments_are_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    monkeypatch.setattr(main, "commands", {})

    @pages.command()
    def some_page(
        folder: Annotated[Path, pages.FOLDER],
        /,
        sizes: Annotated[tuple[int, ...], "--size", "How large."] = (1, 2),
        letter: Literal["a", "b"] | None = None,
        least: Annotated[float, "$LEAST"] = 0.5,
        is_deep: bool = False,
    ) -> Iterator[str]:
        """Show what is given."""
        yield f"{folder.name} {sizes} {letter} {least} {is_deep}"

    def run(*words: str, **environment: str) -> str:
        return CliRunner().invoke(main, ["some-page", *words], env=environment).output

    here = str(tmp_path)
    assert run(here) == f"{tmp_path.name} (1, 2) None 0.5 False\n"
    given = ["--size", "3", "--letter", "b", "--is-deep", "--note", "Noted.", "--save"]
    assert run(here, *given, LEAST="2") == f"Noted.\n\n{tmp_path.name} (3,) b 2.0 True\n"
    run(here, "--save", "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.md", "some-page.md"]
    assert "'c' is not one of 'a', 'b'" in run(here, "--letter", "c")
    assert "does not exist" in run("nowhere")
    assert "How large." in run("--help")


def test_ways_take_turns_and_the_first_does_not_count() -> None:
    seen: list[str] = []

    def own() -> float:
        seen.append("own")
        return float(len(seen))

    times = in_turns(2, {"one": lambda: seen.append("one"), "own": own}, warm=1)
    assert seen == ["one", "own"] * 3
    assert times["own"] == [4.0, 6.0]
    assert len(times["one"]) == 2


def test_every_task_is_looked_at_in_order() -> None:
    assert list(each(str, [1, 2, 3], start=1)) == ["2", "3"]
    assert in_rounds(["a", "b"], 5, expensive=["b"], seldom=2) == [
        ("a", 0),
        ("b", 0),
        ("a", 1),
        ("a", 2),
        ("b", 2),
    ]


def test_the_order_is_gain_for_time() -> None:
    measured = schedule.Measured(
        pictures=1,
        weights=dict.fromkeys("abcd", 25.0),
        first=["a"],
        reads={
            "zxing clahe": ["b", "c"],
            "zbar raw": ["b", "c", "d"],
            "zxing blur3": ["b"],
            "zxing gamma2": ["a"],
        },
        ms={"zxing clahe": 1.0, "zbar raw": 10.0, "zxing blur3": 1.0, "zxing raw": 1.0},
    )
    whole, region = schedule.order(measured)
    assert [row.step for row in whole] == ["zxing raw", "finders <=1200px", "zxing clahe", "zbar raw"]
    assert [row.gain for row in whole] == [25.0, 0.0, 50.0, 25.0]
    assert region == []


@pytest.mark.parametrize("look", [("zxing", 160, "raw"), ("zxing", 400, "x2")])
def test_a_step_on_a_region_finds_the_code_where_it_is(look: tuple[str, int, str]) -> None:
    drawn = synthetic.draw("sharp", 0.0, 3)
    found, ms = schedule.run(look_at_region(*look, drawn.quads[0]), Frame.load(drawn.rgb))
    (code,) = found.codes
    assert code.quad.overlap(drawn.quads[0]) > 0.9
    assert ms > 0


def test_the_shipped_order_is_the_measured_one() -> None:
    """Where this fails, ship what ``python -m benchmarks schedule --no-measure`` prints."""
    saved = Path(__file__).parents[1] / "docs" / "benchmarks" / "schedule.json"
    whole, region = schedule.order(schedule.restore(saved))
    assert tuple(row.step for row in whole) == SCHEDULE
    assert tuple(REGION[row.step] for row in region) == REGION_LOOKS


@pytest.mark.slow
def test_the_soak_of_the_service() -> None:
    pytest.importorskip("fastapi", reason="the server extra is not installed")
    told = CliRunner().invoke(main, ["soak", "--requests", "30", "--preset", "classical"])
    assert told.exit_code == 0, told.output
    assert "it exited with 0" in told.output
    # A number of requests, and their status; not a memory of 500 MB.
    assert not re.search(r"\d 500\b", told.output)
