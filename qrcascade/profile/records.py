"""A profile: the figures of each configuration, with the machine and the weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from qrcascade.cascade import PRESETS
from qrcascade.errors import OptionError, reason
from qrcascade.neural.weights import SIZES, cache

__all__ = ["NAMES", "NO_RUNTIME", "SHIPPED", "Measured", "Profile", "own_path", "sizes_of"]

NAMES = (*PRESETS, *SIZES)
"""What can be measured: presets, and QReader's sizes alone."""
NO_RUNTIME = "-"
SHIPPED = Path(__file__).parent / "default.json"
# Blurred beyond reading on purpose: nothing is the right answer, so it does not count for success.
_NO_TRUTH = "unreadable"


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one configuration.

    Parameters
    ----------
    name : str
        A preset, or a size of QReader alone: "n", "s", "m" or "l".
    runtime : str
        Runtime of its detectors; "-" if it has none.
    load_s : float
        Seconds from the start of the import to the end of a first reading of an empty picture.
    mean_ms, p50_ms, p95_ms, p99_ms : float
        Milliseconds per picture, starting from its JPEG file.
    cpu_ms : float
        Mean processor milliseconds per picture, over all threads.
    conditions : mapping of str to (int, int)
        For each condition, the number of pictures read exactly, and the number of all pictures.
    wrong : int
        Number of reported payloads that are not in their picture's truth.
    rss_start_mb, rss_loaded_mb, rss_peak_mb : float or None
        Resident memory of the process in MB: before qrcascade's libraries, after loading, and peak.
    parameters : int or None
        Number of parameters of its networks; None without a network, or without torch to count them.
    file_bytes : int
        Size of the files that its networks are loaded from.
    cost_weights, success_weights : str
        Weights used to measure time, memory and size, and to measure success: "none" (no network), "given",
        "stand-in" (the file of another size) or "random".
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
        """Number of the `pictures` read exactly."""
        return sum(right for name, (right, _) in self.conditions.items() if name != _NO_TRUTH)

    @property
    def pictures(self) -> int:
        """Number of pictures with a readable code."""
        return sum(count for name, (_, count) in self.conditions.items() if name != _NO_TRUTH)

    @property
    def success(self) -> float:
        """Share of the pictures with a readable code that were read exactly, 0 to 1."""
        return self.right / self.pictures if self.pictures else 0.0

    @property
    def per_second(self) -> float:
        """Pictures per second in one process, one after the other."""
        return 1000 / self.mean_ms

    @property
    def alone(self) -> bool:
        """Whether this is a detector without a cascade, for comparison, rather than a preset."""
        return self.name in SIZES

    @property
    def caveat(self) -> str:
        """Which figures do not come from the real weights; "" if all do."""
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
        Description of processor, cores, operating system and Python.
    cores : int
        Number of logical processors.
    date : str
        Date of the measurement, in ISO 8601.
    versions : mapping of str to str
        Versions of the packages involved.
    pictures : str
        Description of the pictures.
    rows : tuple of Measured
        One per configuration.
    note : str
        Note to show with the figures.
    left_out : mapping of str to str
        Configurations that could not be measured, with the reasons.
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
        """Caveats about the figures: the note, and the rows not measured with the real weights."""
        marked: dict[str, list[str]] = {}
        for row in self.rows:
            names = marked.setdefault(row.caveat, [])
            if row.caveat and row.name not in names:
                names.append(row.name)
        said = [f"NOT the real weights: {caveat} ({', '.join(n)})" for caveat, n in marked.items() if caveat]
        return tuple([self.note] if self.note else []) + tuple(said)

    def to_json(self) -> str:
        """Return the profile as JSON for `from_json`, including computed values for other readers."""
        fields = asdict(self)
        fields["caveats"] = list(self.caveats)
        for row, made in zip(self.rows, fields["rows"], strict=True):
            made["success"] = round(row.success, 4)
            made["per_second"] = round(row.per_second, 3)
        return json.dumps(fields, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Profile:
        """Return the profile that `to_json` wrote.

        Raises
        ------
        OptionError
            If the text is not a profile.
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
            raise OptionError(f"this is not a profile written by qrcascade profile: {error!r}") from error

    @classmethod
    def load(cls, file: str | os.PathLike[str] | None = None) -> Profile:
        """Load a profile: the file, else the one measured on this machine, else the shipped one.

        Raises
        ------
        OptionError
            If the file cannot be read or is not a profile.
        """
        measured = own_path()
        path = Path(file) if file else measured if measured and measured.is_file() else SHIPPED
        try:
            return cls.from_json(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            why = "it is not JSON text" if isinstance(error, UnicodeDecodeError) else reason(error)
            raise OptionError(f"cannot read the profile {str(path)!r}: {why}") from error


def sizes_of(name: str) -> tuple[str, ...]:
    """Return the sizes of QReader in a preset; of one alone, itself."""
    tiers = next((tiers for preset, tiers in PRESETS.items() if preset == name), (name,))
    return tuple(tier for tier in tiers if tier in SIZES)


def own_path() -> Path | None:
    """Return the path of this machine's profile, in the user's cache; None if the user has no home."""
    named = os.environ.get("QRCASCADE_PROFILE")
    if named:
        return Path(named)
    kept = cache()
    return kept / "profile.json" if kept else None
