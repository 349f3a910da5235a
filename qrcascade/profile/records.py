"""A profile: what was measured of each configuration, on which machine, with which weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qrcascade.errors import OptionError
from qrcascade.neural.weights import SIZES, cache

__all__ = ["NO_RUNTIME", "SHIPPED", "Measured", "Profile", "own"]

NO_RUNTIME = "-"
SHIPPED = Path(__file__).parent / "default.json"
# Blurred beyond repair on purpose: the right answer is none, so it is no part of success.
_NO_TRUTH = "unreadable"


@dataclass(frozen=True, slots=True)
class Measured:
    """One configuration's figures.

    Parameters
    ----------
    name : str
        A preset, or a size of QReader on its own: "n", "s", "m" or "l".
    runtime : str
        What its detectors ran in; "-" where it has none.
    load_s : float
        Seconds from the start of the import to the end of a first reading, of an empty picture.
    mean_ms, p50_ms, p95_ms, p99_ms : float
        Milliseconds a picture, from its JPEG file.
    cpu_ms : float
        Processor milliseconds a picture, of all threads; mean.
    conditions : mapping of str to (int, int)
        For each condition: pictures read exactly, and pictures.
    wrong : int
        Payloads that were reported and are in no picture's truth.
    rss_start_mb, rss_loaded_mb, rss_peak_mb : float or None
        Resident memory of the process in MB: before qrcascade's libraries, after loading, at most.
    parameters : int or None
        Of its networks; None where there is none, or no torch to count them.
    file_bytes : int
        Of the files that its networks are loaded from.
    cost_weights, success_weights : str
        The weights that time, memory and size, and that success, were measured with: "none" (no network),
        "given", "stand-in" (another size's file) or "random".
    """

    name: str
    runtime: str
    load_s: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_ms: float
    conditions: Mapping[str, tuple[int, int]]
    wrong: int = 0
    rss_start_mb: float | None = None
    rss_loaded_mb: float | None = None
    rss_peak_mb: float | None = None
    parameters: int | None = None
    file_bytes: int = 0
    cost_weights: str = "none"
    success_weights: str = "none"

    @property
    def right(self) -> int:
        """Pictures read exactly, of `pictures`."""
        return sum(right for name, (right, _) in self.conditions.items() if name != _NO_TRUTH)

    @property
    def pictures(self) -> int:
        """Pictures that hold a readable code."""
        return sum(count for name, (_, count) in self.conditions.items() if name != _NO_TRUTH)

    @property
    def success(self) -> float:
        """The share of the pictures with a readable code that were read exactly, 0 to 1."""
        return self.right / self.pictures if self.pictures else 0.0

    @property
    def per_second(self) -> float:
        """Pictures a second in one process, one after the other."""
        return 1000 / self.mean_ms

    @property
    def alone(self) -> bool:
        """Whether it is one detector without a cascade: to be compared, not a preset."""
        return self.name in SIZES

    @property
    def caveat(self) -> str:
        """What the figures do not say of the real weights; "" where there is nothing."""
        says = [
            f"{what} from {kind} weights"
            for what, kind in (("cost", self.cost_weights), ("success", self.success_weights))
            if kind not in ("none", "given")
        ]
        return ", ".join(says)


@dataclass(frozen=True, slots=True)
class Profile:
    """The figures of one machine.

    Parameters
    ----------
    machine : str
        Processor, cores, operating system, Python.
    cores : int
        Logical processors.
    date : str
        ISO 8601.
    versions : mapping of str to str
        Of the packages that take part.
    pictures : str
        What was read.
    rows : tuple of Measured
        One a configuration.
    note : str
        What whoever measured wants to be read with the figures.
    left_out : mapping of str to str
        Configurations that could not be measured, and why.
    """

    machine: str
    cores: int
    date: str
    versions: Mapping[str, str]
    pictures: str
    rows: tuple[Measured, ...]
    note: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def caveats(self) -> tuple[str, ...]:
        """What to read with every figure: the note, and which rows have other than the real weights."""
        marked: dict[str, list[str]] = {}
        for row in self.rows:
            names = marked.setdefault(row.caveat, [])
            if row.caveat and row.name not in names:
                names.append(row.name)
        said = [f"NOT the real weights: {caveat} ({', '.join(n)})" for caveat, n in marked.items() if caveat]
        return tuple([self.note] if self.note else []) + tuple(said)

    def to_json(self) -> str:
        """The profile as JSON, for `from_json`; what is computed is in it too, for other readers."""
        fields = asdict(self)
        fields["caveats"] = list(self.caveats)
        for row, made in zip(self.rows, fields["rows"], strict=True):
            made["success"] = round(row.success, 4)
            made["per_second"] = round(row.per_second, 3)
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """The profile that `to_json` wrote.

        Raises
        ------
        OptionError
            If the text is no profile.
        """
        try:
            found = json.loads(text)
            found.pop("caveats")
            rows = found.pop("rows")
            for row in rows:
                del row["success"], row["per_second"]
                row["conditions"] = {name: (n, of) for name, (n, of) in row["conditions"].items()}
            return cls(rows=tuple(Measured(**row) for row in rows), **found)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise OptionError(f"this is no profile as qrcascade profile writes it: {error!r}") from error

    @classmethod
    def load(cls, file: str | os.PathLike[str] | None = None) -> Profile:
        """Read a profile: a file, else the one measured on this machine, else the shipped one.

        Raises
        ------
        OptionError
            If the file cannot be read or is no profile.
        """
        measured = own()
        path = Path(file) if file else measured if measured and measured.is_file() else SHIPPED
        try:
            return cls.from_json(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise OptionError(f"cannot read the profile {str(path)!r}: {error}") from error


def own() -> Path | None:
    """Where this machine's own profile is kept, in the user's cache; None for a user without a home."""
    named = os.environ.get("QRCASCADE_PROFILE")
    if named:
        return Path(named)
    kept = cache()
    return kept / "profile.json" if kept else None
