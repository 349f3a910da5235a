"""One picture's reading against what it should hold and what was read before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from qrcascade import ReadResult
from qrcascade.pytest_plugin.corpus import Case

__all__ = ["Outcome"]

_SHOWN = 4
_WIDE = 120


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one picture; only what JSON can hold, since it may come from another process.

    Parameters
    ----------
    key : str
        The picture's name in the baseline.
    tags : tuple of str
        Its tags.
    texts, missing, wrong : tuple of str
        Right payloads that were read; payloads that it holds and that were not read; payloads that were
        read and that it does not hold. More codes than it holds are wrong where no payloads are known.
    short : int
        How many codes are missing.
    known : bool
        Whether the baseline has this picture.
    lost, gained : tuple of str
        Payloads of the baseline that were not read, and those read that it does not have.
    ms, bare_ms : float or None
        Milliseconds of the reading, and of bare zxing-cpp on the same file; None where it broke.
    details : tuple of str
        What was tried, located and broken, in lines.
    why : tuple of str
        What kept it from being read, in lines.
    errors : tuple of str
        What broke.
    broken : str
        Why it is no picture that can be read, if so.
    drawn : str
        Path of the picture with what was found drawn on it, if it was saved.
    """

    key: str
    tags: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    short: int = 0
    known: bool = False
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()
    ms: float | None = None
    bare_ms: float | None = None
    details: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    broken: str = ""
    drawn: str = ""

    @classmethod
    def of(cls, case: Case, result: ReadResult, before: tuple[str, ...] | None, **others: Any) -> Outcome:
        """Judge a reading.

        Parameters
        ----------
        case : Case
            What it should have given.
        result : ReadResult
            What it gave.
        before : tuple of str, optional
            What the baseline has of it; None where it has nothing of it.
        **others
            Further fields.
        """
        read, extra = list(result.texts), []
        missing: tuple[str, ...] = ()
        if case.texts is not None:
            extra = [text for text in read if text not in case.texts]
            read = [text for text in read if text in case.texts]
            missing = _less(case.texts, read)
            # What the truth no longer says is not lost.
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
            lost=_less(before or (), read),
            gained=_less(read, before) if before is not None else (),
            ms=result.elapsed_s * 1000,
            details=tuple(_details(result)),
            errors=result.errors,
            **others,
        )

    @property
    def read(self) -> bool:
        """Whether all that it holds was read, and nothing else."""
        return not (self.short or self.wrong or self.broken)

    @property
    def sound(self) -> bool:
        """Whether it was read, and nothing of the baseline is lost."""
        return self.read and not self.lost

    @property
    def what(self) -> str:
        """What came of it, in words."""
        if self.broken:
            return "no picture that can be read"
        if self.wrong:
            return "a wrong payload"
        if self.lost:
            return "lost, it was read in the baseline"
        if self.short:
            return "not read, as in the baseline" if self.known else "not read"
        return "read"

    def lines(self) -> Iterator[str]:
        """The message of a failure; the first line has what came of it, the picture and its tags."""
        tags = f" [{', '.join(self.tags)}]" if self.tags else ""
        yield f"{self.what}: {self.key}{tags}"
        if self.broken:
            yield f"  why      {self.broken}"
            return
        for name, texts in (
            ("wrong", self.wrong),
            ("lost", self.lost),
            ("missing", _less(self.missing, self.lost)),
        ):
            yield from _labelled(name, [repr(text) for text in texts])
        if self.short and not self.missing:
            yield f"  missing  {self.short} of its codes"
        yield from _labelled("read", [repr(text) for text in self.texts] or ["nothing that it holds"])
        yield from self.details
        # Sentences, of which the end is the advice: none is cut.
        for name, line in zip(("why", *[""] * len(self.why)), self.why, strict=False):
            yield f"  {name:<8} {line}"
        if self.drawn:
            yield f"  picture  {self.drawn}"

    def to_dict(self) -> dict[str, Any]:
        """For a test report."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> Outcome:
        """From `to_dict`, or what JSON made of it."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in found.items()
        }
        return cls(**values)


def _less(texts: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    """The texts without the others, each taken away as often as it is there."""
    return tuple((Counter(texts) - Counter(others)).elements())


def _labelled(name: str, values: Sequence[str]) -> Iterator[str]:
    """A line for each of the first values, under one name."""
    for value in values[:_SHOWN]:
        yield f"  {name:<8} {_cut(value)}"
        name = ""
    if len(values) > _SHOWN:
        yield f"  {name:<8} and {len(values) - _SHOWN} more"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDE else f"{text[: _WIDE - 3]}..."


def _details(result: ReadResult) -> Iterator[str]:
    """What was tried, a line for each strategy; what was located; what broke."""
    tried = []
    for strategy in dict.fromkeys(attempt.strategy for attempt in result.attempts):
        own = [attempt for attempt in result.attempts if attempt.strategy == strategy]
        steps = list(dict.fromkeys(attempt.step for attempt in own if attempt.step))
        more = f", {len(steps) - _SHOWN} more" if len(steps) > _SHOWN else ""
        names = f" ({', '.join(steps[:_SHOWN])}{more})" if steps else ""
        ms = sum(attempt.elapsed_s for attempt in own) * 1000
        tried.append(f"{strategy}: {len(own)} {'run' if len(own) == 1 else 'runs'} in {ms:.0f} ms{names}")
    yield from _labelled("tried", tried or ["nothing"])
    located = [
        f"{region.score:.2f} {region.source} at x {min(x):.0f}-{max(x):.0f}, y {min(y):.0f}-{max(y):.0f}"
        for region in result.regions
        for x, y in [tuple(zip(*region.quad, strict=True))]
    ]
    yield from _labelled("located", located or ["nothing that is unread"])
    yield from _labelled("broke", list(result.errors))
