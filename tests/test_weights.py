"""Where weights are, when they are fetched, and what is asked of them before they are loaded."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from qrcascade import Cascade, QReaderStrategy, WeightsError
from qrcascade.neural import integrity as digests
from qrcascade.neural import models, runtimes, weights
from tests import draw
from tests.loopback import Server, checkpoint, names, status, whole

pytestmark = pytest.mark.usefixtures("own_network")

BODY = checkpoint()
posix = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Weights that somebody has put there, with no record."""
    path = tmp_path / "qrdet-s.pt"
    path.write_bytes(BODY)
    path.chmod(0o644)
    return path


def use(file: Path) -> bytes:
    """Return the bytes that would be loaded."""
    with tempfile.TemporaryDirectory() as folder, weights.check(file, Path(folder, "copy.pt")) as copy:
        return copy.read_bytes()


def test_where_weights_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cache = platformdirs.user_cache_path("qrcascade", appauthor=False)
    assert weights.path("s") == cache / "weights" / "qrdet-s.pt"
    monkeypatch.setenv("QRCASCADE_WEIGHTS", str(tmp_path / "env"))
    assert weights.path("m") == tmp_path / "env" / "qrdet-m.pt"
    assert weights.path("l", tmp_path / "mine") == tmp_path / "mine" / "qrdet-l.pt"


@pytest.mark.parametrize("homeless", [RuntimeError("no home"), Path("~/.cache/qrcascade")])
def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch, homeless: Any) -> None:
    def user_cache_path(*_: Any, **__: Any) -> Path:
        if isinstance(homeless, Exception):
            raise homeless
        return Path(homeless)

    monkeypatch.setattr(platformdirs, "user_cache_path", user_cache_path)
    with pytest.raises(WeightsError, match="QRCASCADE_WEIGHTS"):
        weights.path("s")


def test_weights_that_are_there_are_not_fetched(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    with Server(status(500)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        assert weights.ensure("s", file.parent) == file
        assert server.asked == []


@pytest.mark.parametrize(
    ("switches", "why"),
    [
        ({}, "licence is not accepted"),
        ({"QRCASCADE_ACCEPT_LICENCE": "0"}, "licence is not accepted"),
        ({"QRCASCADE_ACCEPT_LICENCE": "1", "QRCASCADE_OFFLINE": "1"}, "QRCASCADE_OFFLINE is set"),
    ],
)
def test_nothing_is_fetched_unless_it_may_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, switches: dict[str, str], why: str
) -> None:
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        for name, value in switches.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(WeightsError, match=why) as caught:
            weights.ensure("s", tmp_path)
        assert server.asked == []
    for part in (str(tmp_path / "qrdet-s.pt"), weights.url("s"), "qrcascade weights fetch --size s"):
        assert part in str(caught.value)


def test_missing_weights_are_fetched_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QRCASCADE_ACCEPT_LICENCE", "1")
    with Server(whole(BODY)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        for _ in range(2):
            assert weights.ensure("s", tmp_path / "new").read_bytes() == BODY
        assert server.asked == ["/qrdet-s.pt"]


def test_a_failed_fetch_is_not_repeated_for_every_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QRCASCADE_ACCEPT_LICENCE", "1")
    with Server(status(404)) as server:
        monkeypatch.setenv("QRCASCADE_WEIGHTS_URL", server.url)
        for _ in range(3):
            with pytest.raises(WeightsError, match="404"):
                weights.ensure("s", tmp_path)
        assert len(server.asked) == 1
        monkeypatch.setattr(weights, "_RETRY_S", -1)
        with pytest.raises(WeightsError, match="404"):
            weights.ensure("s", tmp_path)
        assert len(server.asked) == 2


def test_the_first_use_is_recorded_and_every_other_compared(file: Path) -> None:
    assert weights.verify(file) == "unrecorded"
    assert names(file.parent) == ["qrdet-s.pt"]
    assert use(file) == BODY
    digest = hashlib.sha256(BODY).hexdigest()
    assert (file.parent / "qrdet-s.pt.sha256").read_text() == f"{digest}  qrdet-s.pt\n"
    assert weights.verify(file) == "recorded"
    file.write_bytes(BODY + b"!")
    for ask in (weights.verify, use):
        with pytest.raises(WeightsError, match=rf"{digest} is recorded; if you trust it, delete .*\.sha256"):
            ask(file)


def test_a_pinned_hash_needs_no_record(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setitem(digests.PINNED, file.name, weights.sha256(file))
    assert use(file) == BODY
    assert names(file.parent) == ["qrdet-s.pt"]
    monkeypatch.setitem(digests.PINNED, file.name, "1" * 64)
    with pytest.raises(WeightsError, match="1111 is pinned; get it again"):
        use(file)


def test_two_first_uses_must_agree(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    write = digests.record

    def another_process_is_later(file: Path, digest: str) -> None:
        write(file, digest)
        write(file, "2" * 64)

    monkeypatch.setattr(digests, "record", another_process_is_later)
    with pytest.raises(WeightsError, match="2222 is recorded"):
        use(file)


def test_a_file_that_cannot_be_loaded_is_not_recorded(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """As one that is first used while it is still being copied."""

    def reader(model_size: str, weights_folder: str, **_: Any) -> Any:
        if Path(weights_folder, f"qrdet-{model_size}.pt").read_bytes() != BODY:
            raise RuntimeError("PytorchStreamReader failed reading zip archive")
        model = types.SimpleNamespace(predict=lambda: None)
        return types.SimpleNamespace(detector=types.SimpleNamespace(model=model))

    made_up_qreader(monkeypatch, reader)
    file.write_bytes(BODY[:-30])
    with pytest.raises(WeightsError, match=r"cannot be loaded.*failed reading.*still being copied, wait"):
        models.load("s", file.parent)
    assert names(file.parent) == ["qrdet-s.pt"]
    file.write_bytes(BODY)
    models.load("s", file.parent)
    assert weights.verify(file) == "recorded"


MARKS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "big-endian": "utf-16-be"}


@pytest.mark.parametrize("mark", MARKS)
def test_a_record_with_a_byte_order_mark(file: Path, mark: str) -> None:
    text = f"{weights.sha256(file).upper()}  {file.name}\r\n"
    text = "\ufeff" + text if mark == "big-endian" else text
    (file.parent / "qrdet-s.pt.sha256").write_bytes(text.encode(MARKS[mark]))
    assert weights.verify(file) == "recorded"


@pytest.mark.parametrize("text", ["", "no hash", "abc\n"])
def test_a_broken_record_is_not_taken_for_none(file: Path, text: str) -> None:
    (file.parent / "qrdet-s.pt.sha256").write_text(text)
    with pytest.raises(WeightsError, match="contains no SHA-256"):
        use(file)


def test_the_copy_is_what_was_hashed(tmp_path: Path, file: Path) -> None:
    with weights.check(file, tmp_path / "copy.pt") as copy:
        file.write_bytes(b"changed meanwhile")
        assert copy.read_bytes() == BODY


@posix
def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path, file: Path) -> None:
    (tmp_path / "linked").mkdir()
    link = tmp_path / "linked" / "qrdet-m.pt"
    link.symlink_to(file)
    use(link)
    assert names(tmp_path / "linked") == ["qrdet-m.pt", "qrdet-m.pt.sha256"]
    assert not (tmp_path / "qrdet-s.pt.sha256").exists()
    file.chmod(0o666)
    with pytest.raises(WeightsError, match=rf"chmod o-w {file}$"):
        use(link)


@posix
@pytest.mark.parametrize("marked", [True, False])
def test_a_read_only_folder(monkeypatch: pytest.MonkeyPatch, file: Path, marked: bool) -> None:
    """Marked so, or of a file system that is: the hash is kept for the process."""

    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    if marked:
        file.parent.chmod(0o555)
    else:
        monkeypatch.setattr("qrcascade.neural.staging.tempfile.mkstemp", read_only)
    try:
        use(file)
        assert names(file.parent) == ["qrdet-s.pt"]
        assert weights.verify(file) == "recorded"
        file.write_bytes(b"another")
        with pytest.raises(WeightsError, match="not the known file"):
            use(file)
    finally:
        file.parent.chmod(0o755)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot read the weights"):
        use(tmp_path / "qrdet-s.pt")


def test_importing_a_file(tmp_path: Path, file: Path) -> None:
    placed = weights.install(file, "m", tmp_path / "new")
    assert placed.read_bytes() == BODY
    assert names(placed.parent) == ["current_release.txt", "qrdet-m.pt", "qrdet-m.pt.sha256"]
    assert (placed.parent / "current_release.txt").read_text() == weights.RELEASE
    if os.name == "posix":
        assert placed.stat().st_mode & 0o777 == 0o644
    # Another one takes its place, and the record's.
    file.write_bytes(checkpoint(b"newer"))
    assert weights.verify(weights.install(file, "m", placed.parent)) == "recorded"
    assert placed.read_bytes() == file.read_bytes()


def test_what_is_no_checkpoint_is_not_imported(tmp_path: Path, file: Path) -> None:
    file.write_bytes(BODY[:-30])
    with pytest.raises(WeightsError, match="not a complete checkpoint"):
        weights.install(file, "m", tmp_path / "new")
    assert names(tmp_path / "new") == []


def made_up_qreader(monkeypatch: pytest.MonkeyPatch, reader: Any) -> None:
    """Put something in the place of QReader, as if it were installed."""
    monkeypatch.setitem(sys.modules, "qreader", types.SimpleNamespace(QReader=reader))
    for room in (models, runtimes):
        monkeypatch.setattr(room, "is_installed", lambda _runtime: True)
    monkeypatch.setattr(models, "_models", {})


class Bomb:
    """Pickled, it is code: it makes a file where it is loaded."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


def test_a_changed_file_is_never_unpickled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path
) -> None:
    """QReader is one that unpickles its weights and does nothing else."""
    trace = tmp_path / "unpickled"

    def reader(model_size: str, weights_folder: str, **_: Any) -> Any:
        pickle.loads(Path(weights_folder, f"qrdet-{model_size}.pt").read_bytes())
        model = types.SimpleNamespace(predict=lambda: None)
        return types.SimpleNamespace(detector=types.SimpleNamespace(model=model))

    made_up_qreader(monkeypatch, reader)
    file.write_bytes(pickle.dumps("harmless"))
    use(file)
    file.write_bytes(pickle.dumps(Bomb(trace)))
    strategy = QReaderStrategy("s", weights_folder=file.parent)
    (error,) = Cascade([strategy]).read(draw.symbol("any")[0]).errors
    assert "is not the known file" in error
    assert not trace.exists()
    # The same file, once it is trusted, does go off: the test can fail.
    (file.parent / "qrdet-s.pt.sha256").unlink()
    models.load("s", file.parent)
    assert trace.exists()


HOLDS = """
import sys, time
from pathlib import Path
from qrcascade.neural import staging
place = Path(sys.argv[1])
made = {
    "folder": lambda: staging.stage("qrcascade-weights-", beside=place),
    "file": lambda: staging.replace_atomically(place),
}
with made[sys.argv[2]]() as new:
    (new / "copy.pt" if new.is_dir() else new).write_bytes(bytes(1000))
    print(new, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
@posix
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_killed_processes_leave_is_swept(tmp_path: Path, kind: str) -> None:
    place = tmp_path / "qrdet-s.pt"

    def start() -> tuple[subprocess.Popen[str], Path]:
        program = [sys.executable, "-c", HOLDS, str(place), kind]
        process = subprocess.Popen(program, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
        assert process.stdout is not None
        return process, Path(process.stdout.readline().strip())

    other = tmp_path / ("qrcascade-weights-link" if kind == "folder" else ".qrdet-s.pt.link.part")
    (tmp_path / "kept").mkdir()
    other.symlink_to(tmp_path / "kept")
    started = [start() for _ in range(3)]
    left = [folder for _, folder in started]
    try:
        # Those that somebody holds stay.
        assert len(set(left)) == 3
        assert all(folder.exists() for folder in left)
        for process, _ in started[:2]:
            process.kill()
            process.wait()
        started.append(start())
        assert [folder.exists() for folder in left] == [False, False, True]
        assert other.is_symlink()
    finally:
        for process, _ in started:
            process.kill()
            process.communicate()


@pytest.mark.slow
def test_no_network_and_no_writable_home(tmp_path: Path) -> None:
    """As in a container: the classical tiers answer, and the neural ones say what is missing."""
    (tmp_path / "file").touch()
    program = """
import sys
import numpy as np
from qrcascade import Cascade
from qrcascade.neural import models
models.is_installed = lambda runtime: True
cascade = Cascade.preset("hybrid")
assert cascade.read("examples/photo.jpg").text
for _ in range(2):
    noise = np.random.default_rng(1).integers(0, 255, (200, 200), np.uint8)
    result = cascade.read(noise, expect=1)
    print(*result.errors, sep="\\n")
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            **os.environ,
            "HOME": str(tmp_path / "file" / "home"),
            "XDG_CACHE_HOME": "",
            "QRCASCADE_ACCEPT_LICENCE": "1",
            "QRCASCADE_WEIGHTS_URL": "https://127.0.0.1:9",
        },
    )
    assert (run.returncode, run.stderr) == (0, "")
    lines = run.stdout.splitlines()
    assert len(lines) >= 2
    assert lines[: len(lines) // 2] == lines[len(lines) // 2 :]
    for line, size in zip(lines, "smsm", strict=True):
        for part in (
            str(tmp_path / "file" / "home" / ".cache" / "qrcascade" / "weights" / f"qrdet-{size}.pt"),
            f"https://127.0.0.1:9/qrdet-{size}.pt",
            f"qrcascade weights fetch --size {size}",
        ):
            assert part in line
