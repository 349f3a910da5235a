"""The class for Ray Data: by itself, without Ray, and in a local Ray in which a worker is killed."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qrcascade import Cascade, ClassicalStrategy, MissingDependencyError, OptionError
from qrcascade.batch.columns import COLUMNS
from qrcascade.batch.ray import ReadBatch
from qrcascade.isolation import Worker
from tests import draw, pages, told
from tests.told import EXITS, FINE, KILLED, shade

pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
pytest.importorskip("pyarrow.dataset")
pytest.importorskip("pyarrow.parquet")


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def batch(**columns: list[Any]) -> dict[str, Any]:
    """As Ray gives it: arrays, of objects."""
    made = {name: np.empty(len(values), object) for name, values in columns.items()}
    for name, values in columns.items():
        made[name][:] = values
    return made


ONE = png(draw.symbol("one")[0])


@pytest.fixture(scope="module")
def reader() -> ReadBatch:
    return ReadBatch("classical")


def test_a_row_a_page_whatever_the_file(reader: ReadBatch) -> None:
    files = {
        "s3/one.png": ONE,
        "s3/blank.png": png(np.full((60, 80), 255, np.uint8)),
        "s3/two.pdf": pages.invoices("first", "second"),
        "s3/broken.pdf": b"%PDF-1.4 nothing more",
        "s3/text.jpg": b"no picture",
        "s3/empty.jpg": b"",
    }
    table = reader(batch(path=list(files), bytes=list(files.values())))
    rows = table.to_pylist()
    assert [(row["file"], row["page"], row["rows"], row["text"]) for row in rows] == [
        ("s3/one.png", 1, 1, "one"),
        ("s3/blank.png", 1, 1, None),
        ("s3/two.pdf", 1, 2, "first"),
        ("s3/two.pdf", 2, 2, "second"),
        ("s3/broken.pdf", None, 1, None),
        ("s3/text.jpg", None, 1, None),
        ("s3/empty.jpg", None, 1, None),
    ]
    assert [row["read"] for row in rows] == [True, False, True, True, False, False, False]
    for row, says in zip(rows[4:], ["cannot read", "cannot identify a picture", "empty"], strict=True):
        assert says in row["error"]
    assert [row["error"] for row in rows[:4]] == [None] * 4
    assert rows[0]["texts"] == ["one"]
    assert (rows[0]["width"], rows[0]["height"]) == Image.open(io.BytesIO(ONE)).size


def test_every_batch_has_the_same_types(reader: ReadBatch) -> None:
    full, bare, none = (
        reader(batch(bytes=[ONE])),
        reader(batch(bytes=[b"no picture"])),
        reader(batch(bytes=[])),
    )
    assert full.schema == bare.schema == none.schema
    assert full.schema.names == list(COLUMNS)
    assert none.num_rows == 0
    assert full.column("file").to_pylist() == [f"{len(ONE)} bytes"]


def test_paths_are_opened_by_the_actor(reader: ReadBatch, tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(ONE)
    paths = [str(tmp_path / "one.png"), str(tmp_path / "missing.png")]
    there, missing = reader(batch(path=paths)).to_pylist()
    assert (there["file"], there["text"], there["error"]) == (paths[0], "one", None)
    assert (missing["file"], missing["rows"]) == (paths[1], 1)
    assert "No such file" in missing["error"]


def told_of_the_process(reader: ReadBatch, *pictures: bytes) -> list[str | None]:
    error: list[str | None] = reader(batch(bytes=list(pictures))).column("error").to_pylist()
    return error


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")
def test_what_ends_the_process_is_a_row_each_time() -> None:
    reader = ReadBatch(Cascade([told.Told()]))
    pictures = [png(shade(value)) for value in (FINE, KILLED, EXITS, FINE)]
    ended = "its worker process ended"
    for _ in range(2):
        assert told_of_the_process(reader, *pictures) == [
            None,
            f"{ended} (killed by SIGKILL)",
            f"{ended} (exit code 3)",
            None,
        ]


@pytest.mark.slow
def test_one_process_reads_batch_after_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []

    def counted(*arguments: Any) -> Worker:
        started.append(arguments[2])
        return Worker(*arguments)

    monkeypatch.setattr("qrcascade.isolation.workers.Worker", counted)
    reader = ReadBatch("classical")
    assert started == []
    for count in (3, 0, 1, 20):
        assert reader(batch(bytes=[ONE] * count)).column("text").to_pylist() == ["one"] * count
    assert started == [1]


@pytest.mark.slow
def test_options_reach_the_pages() -> None:
    document = pages.invoices("advert", "fiscal 1", "fiscal 2")
    reader = ReadBatch("classical", accept=re.compile("^fiscal"), stop_early=True, max_pages=3, expect=1)
    rows = reader(batch(bytes=[document])).to_pylist()
    assert [(row["page"], row["text"]) for row in rows] == [(1, None), (2, "fiscal 1")]


@pytest.mark.parametrize(
    "options",
    [
        {"cascade": "fastest"},
        {"cascade": Cascade([ClassicalStrategy()], isolation="process")},
        {"expect": 0},
        {"timeout": -1},
        {"formats": []},
        {"threads": 0},
        {"accept": lambda text: True},
    ],
)
def test_options_are_checked_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        ReadBatch(**options)


def test_a_batch_without_files_is_told_so() -> None:
    with pytest.raises(OptionError, match=r"'bytes' or 'path', or both; this one has \['image'\]"):
        ReadBatch("classical")(batch(image=[ONE]))


@pytest.mark.slow
def test_it_can_be_asked_again_after_an_error() -> None:
    """As Ray does where it is told to try errors again: nothing of the first time is left over."""
    reader = ReadBatch("classical", accept=told.broken_accept)
    for _ in range(2):
        with pytest.raises(OptionError, match="accept raised ZeroDivisionError"):
            reader(batch(bytes=[ONE, ONE]))
    blank = png(np.full((60, 80), 255, np.uint8))
    assert reader(batch(path=["blank"], bytes=[blank])).column("file").to_pylist() == ["blank"]


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'qrcascade\[ray\]'"):
        ReadBatch("classical")


@pytest.fixture
def cluster() -> Iterator[None]:
    """Ray of two workers on this machine."""
    ray = pytest.importorskip("ray", reason="the ray extra is not installed")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=200_000_000, log_to_driver=False)
    yield
    ray.shutdown()


def folder_of_files(folder: Path) -> dict[tuple[str, int | None], str | None]:
    """Files of every kind; what the row of each page should say: the text, of errors a part."""
    expected: dict[tuple[str, int | None], str | None] = {}

    def add(name: str, data: bytes, *texts: str | None) -> None:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(data)
        expected.update(((str(folder / name), page), text) for page, text in enumerate(texts, 1))

    for number in range(40):
        add(f"{number % 3}/{number}.png", png(draw.symbol(f"picture {number}")[0]), f"picture {number}")
    for number in range(8):
        texts = [f"document {number} page {page}" for page in range(1 + number % 4)]
        add(f"pdf/{number}.pdf", pages.invoices(*texts), *texts)
    frames = [Image.fromarray(draw.symbol(text)[0]) for text in ("frame 1", "frame 2")]
    add("scan.tiff", pages.frames("TIFF", *frames), "frame 1", "frame 2")
    add("blank.png", png(np.full((60, 80), 255, np.uint8)), None)
    for name, data in (("broken.pdf", b"%PDF-1.4"), ("text.jpg", b"text"), ("empty.jpg", b"")):
        add(name, data)
        expected[str(folder / name), None] = None
    add("deadly.png", png(shade(KILLED)))
    expected[str(folder / "deadly.png"), None] = None
    return expected


@pytest.mark.ray
@pytest.mark.filterwarnings("default")
@pytest.mark.usefixtures("cluster")
def test_every_page_is_one_row_though_a_worker_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job of docs/snippets, with an actor that is killed when it has read its second batch."""
    from tests.test_docs import snippet

    ray_job = snippet("ray_job")
    notes, source, out = (tmp_path / name for name in ("notes", "in", "out"))
    notes.mkdir()

    class Mortal(ReadBatch):
        def __init__(self, cascade: str, **options: Any) -> None:
            assert cascade == "classical"
            super().__init__(Cascade([told.Told(), ClassicalStrategy()]), **options)
            self.calls = 0
            (notes / f"actor {os.getpid()}").touch()

        def __call__(self, files: Any) -> Any:
            table = super().__call__(files)
            self.calls += 1
            if self.calls == 2 and not (notes / "killed").exists():
                (notes / "killed").write_text(f"{os.getpid()} {table.num_rows}")
                os.kill(os.getpid(), signal.SIGKILL)
            return table

    monkeypatch.setattr(ray_job, "ReadBatch", Mortal)
    expected = folder_of_files(source)
    store, files = ray_job.list_files(str(source))
    ray_job.read(store, files, str(out), "classical", 2)

    killed, lost = map(int, (notes / "killed").read_text().split())
    assert lost > 0
    actors = {int(path.name.split()[1]) for path in notes.glob("actor *")}
    assert killed in actors
    assert len(actors) > 2
    rows = pyarrow.dataset.dataset(out).to_table().to_pylist()
    assert len(rows) == len(expected)
    assert {(row["file"], row["page"]): row["text"] for row in rows} == expected
    assert list(ray_job.find_faults(files, str(out))) == []
    (deadly,) = (row["error"] for row in rows if row["file"].endswith("deadly.png"))
    assert deadly == "its worker process ended (killed by SIGKILL)"


@pytest.mark.ray
def test_the_job_names_what_is_not_one_row(tmp_path: Path) -> None:
    """Lost pages, pages twice, lost files, files of another run."""
    from tests.test_docs import snippet

    pytest.importorskip("ray", reason="the ray extra is not installed")
    ray_job = snippet("ray_job")
    found = [("good", 1, 2), ("good", 2, 2), ("lost page", 1, 2), ("twice", 1, 1), ("twice", 1, 1)]
    found += [("other", 1, 1)]
    rows = [dict(zip(("file", "page", "rows"), row, strict=True)) for row in found]
    rows.append({"file": "unreadable", "page": None, "rows": 1})
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "part.parquet")
    files = ["good", "lost page", "lost", "twice", "unreadable"]
    wrong = [fault.partition(":")[0] for fault in ray_job.find_faults(files, str(tmp_path))]
    assert sorted(wrong) == ["lost", "lost page", "other", "twice"]
