"""The outcome of a picture, compared with its truth and with the baseline."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from qrcascade import ReadResult
from qrcascade.pytest_plugin.corpus import Case
from qrcascade.report.words import count, escape

__all__ = ["Outcome"]

_SHOWN = 4
_WIDE = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one picture, in values that JSON can hold, since it may come from another process."""

    key: str
    tags: tuple[str, ...] = ()
    # Correct payloads that were read; those that were not; those that are not in the picture. If only the
    # count is known, surplus codes are wrong.
    texts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    # Number of missing codes.
    short: int = 0
    # Whether the baseline has the picture; its payloads that were not read; payloads that it does not have.
    known: bool = False
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    # Milliseconds of the reading, and of bare zxing-cpp on the same file; None if it failed.
    ms: float | None = None
    bare_ms: float | None = None
    # Lines about what was tried, was located and broke, and about what may have prevented the reading.
    details: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    # Whether the time limit ended the reading.
    timed_out: bool = False
    # Why the file could not be read as a picture, if so.
    broken: str = ""
    # Paths of the picture as it is, and with what was found drawn on it, if they were saved.
    plain: str = ""
    drawn: str = ""

    @classmethod
    def judge(cls, case: Case, result: ReadResult, before: tuple[str, ...] | None, **others: Any) -> Outcome:
        """Compare a reading with what was expected.

        ``before`` has the payloads in the baseline, None if it does not have the picture; ``others`` are
        further fields of the outcome.
        """
        read, extra = list(result.texts), []
        missing: tuple[str, ...] = ()
        if case.texts is not None:
            extra = [text for text in read if text not in case.texts]
            read = [text for text in read if text in case.texts]
            missing = _subtract(case.texts, read)
            # Payloads removed from the truth do not count as lost.
            before = None if before is None else tuple(text for text in before if text in case.texts)
        elif case.count is not None:
            read, extra = read[: case.count], read[case.count :]
        short = max(0, (1 if case.codes is None else case.codes) - len(read))
        return cls(
            case.key,
            case.tags,
            tuple(sorted(read)),
            missing,
            tuple(extra),
            len(missing) if case.texts is not None else short,
            known=before is not None,
            lost=_subtract(before or (), read),
            gained=_subtract(read, before) if before is not None else (),
            ms=result.elapsed_s * 1000,
            details=tuple(_details(result)),
            errors=result.errors,
            timed_out=result.timed_out,
            **others,
        )

    @property
    def is_read(self) -> bool:
        """Whether everything in the picture was read, and nothing else."""
        return not (self.short or self.wrong or self.broken)

    @property
    def is_sound(self) -> bool:
        """Whether the picture was read, and nothing in the baseline was lost."""
        return self.is_read and not self.lost

    @property
    def is_final(self) -> bool:
        """Whether another run would read no more: the file could be opened, and there was time enough."""
        return not (self.broken or (self.short and self.timed_out))

    @property
    def what(self) -> str:
        """The outcome in words."""
        if self.broken:
            return "not a readable picture"
        if self.wrong:
            return "a wrong payload"
        late = "timed out, " if self.timed_out else ""
        if self.lost:
            return f"{late}lost, it was read in the baseline"
        if self.short:
            return f"{late}not read, as in the baseline" if self.known else f"{late}not read"
        return "read"

    @property
    def cause(self) -> str:
        """The outcome and the first payload or reason behind it, for one line."""
        reasons = [self.broken] if self.broken else map(repr, self.wrong or self.lost or self.missing)
        return ": ".join([self.what, *itertools.islice(reasons, 1)])

    def lines(self) -> Iterator[str]:
        """Yield the lines of a failure message; the first has the outcome, the picture and its tags."""
        tags = f" [{', '.join(map(escape, self.tags))}]" if self.tags else ""
        yield f"{self.what}: {escape(self.key)}{tags}"
        if self.broken:
            yield f"  why      {escape(self.broken, backslash=False)}"
            return
        for name, texts in (
            ("wrong", self.wrong),
            ("lost", self.lost),
            ("missing", _subtract(self.missing, self.lost)),
        ):
            yield from _label(name, [repr(text) for text in texts])
        if self.short and not self.missing:
            yield f"  missing  {self.short} of its codes"
        yield from _label("read", [repr(text) for text in self.texts] or ["none of its codes"])
        yield from self.details
        # Do not cut these sentences: they end with the advice.
        for name, line in zip(("why", *[""] * len(self.why)), self.why, strict=False):
            yield f"  {name:<8} {line}"
        if self.drawn:
            yield f"  picture  {escape(self.drawn, backslash=False)}"

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Outcome:
        """Return the outcome from its fields, possibly after a round trip through JSON."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**values)


def _subtract(texts: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """Return the texts without the others, counting repetitions."""
    return tuple((Counter(texts) - Counter(others)).elements())


def _label(name: str, values: Sequence[str]) -> Iterator[str]:
    """Yield a line for each of the first values, under one label."""
    for value in values[:_SHOWN]:
        yield f"  {name:<8} {value if len(value) <= _WIDE else f'{value[: _WIDE - 3]}...'}"
        name = ""
    if len(values) > _SHOWN:
        yield f"  {name:<8} and {len(values) - _SHOWN} more"


def _details(result: ReadResult) -> Iterator[str]:
    """Yield lines about what was tried, by strategy, what was located, and what broke."""
    tried = []
    for strategy in dict.fromkeys(attempt.strategy for attempt in result.attempts):
        own = [attempt for attempt in result.attempts if attempt.strategy == strategy]
        steps = list(dict.fromkeys(attempt.step for attempt in own if attempt.step))
        more = f", {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
        names = f" ({', '.join(steps[:_SHOWN])}{more})" if steps else ""
        ms = sum(attempt.elapsed_s for attempt in own) * 1000
        tried.append(f"{strategy}: {count(len(own), 'run')} in {ms:.0f} ms{names}")
    yield from _label("tried", tried or ["nothing"])
    located = [
        f"{region.score:.2f} {region.source} at x {min(x):.0f}-{max(x):.0f}, y {min(y):.0f}-{max(y):.0f}"
        for region in result.regions
        for x, y in [tuple(zip(*region.quad, strict=True))]
    ]
    yield from _label("located", located or ["nothing unread"])
    yield from _label("broke", list(result.errors))
