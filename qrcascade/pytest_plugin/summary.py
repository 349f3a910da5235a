"""The summary of a run: counts by tag, floors, the time budget, and changes from the baseline."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from qrcascade.pytest_plugin.baseline import Baseline
from qrcascade.pytest_plugin.configuration import EVERY, Options
from qrcascade.pytest_plugin.corpus import Corpus
from qrcascade.pytest_plugin.outcome import Outcome
from qrcascade.report.words import count, escape

__all__ = ["COLUMNS", "Summary", "Tally"]

COLUMNS = ("tag", "pictures", "run", "read", "share", "floor", "wrong", "lost", "gained")
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts over the pictures of one tag, "*" for all pictures."""

    tag: str
    pictures: int
    # Of these, how many were run, read completely, gave a wrong payload, lost or gained one.
    run: int
    read: int
    wrong: int
    lost: int
    gained: int
    floor: float | None

    @property
    def is_whole(self) -> bool:
        """Whether all its pictures were run; otherwise its floor is not checked."""
        return self.run == self.pictures

    @property
    def is_below(self) -> bool:
        """Whether the share read is below the floor."""
        # In floating point, 0.07 * 100 is a little more than 7.
        return self.floor is not None and self.is_whole and self.read < self.floor * self.pictures - 1e-9

    def cells(self) -> tuple[str, ...]:
        """Return the cells of `COLUMNS`."""
        share = f"{self.read / self.run:.3f}" if self.run else "-"
        floor = "-" if self.floor is None else f"{self.floor:.3f}"
        counts, changes = (self.pictures, self.run, self.read), (self.wrong, self.lost, self.gained)
        return escape(self.tag), *map(str, counts), share, floor, *map(str, changes)


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcomes of a run by key, in the order of the corpus, and conclusions from them."""

    options: Options
    corpus: Corpus
    baseline: Baseline | None
    outcomes: Mapping[str, Outcome]
    versions: Mapping[str, str]

    @property
    def is_whole(self) -> bool:
        """Whether every picture of the corpus was run."""
        return len(self.outcomes) == len(self.corpus.cases)

    def tallies(self) -> list[Tally]:
        """Return a tally for each tag, and one for all pictures."""
        tags = sorted({tag for case in self.corpus.cases.values() for tag in case.tags} - {EVERY})
        return [self._tally(tag) for tag in (*tags, EVERY)]

    def _tally(self, tag: str) -> Tally:
        keys = [key for key, case in self.corpus.cases.items() if tag == EVERY or tag in case.tags]
        run = [self.outcomes[key] for key in keys if key in self.outcomes]
        return Tally(
            tag,
            len(keys),
            len(run),
            sum(outcome.is_read for outcome in run),
            sum(bool(outcome.wrong) for outcome in run),
            sum(bool(outcome.lost) for outcome in run),
            sum(bool(outcome.gained) for outcome in run),
            self.options.floors.get(tag),
        )

    def failures(self) -> Iterator[str]:
        """Yield the reasons why the run as a whole fails."""
        for tally in self.tallies():
            if tally.is_below:
                share = f"{tally.read} of {tally.pictures} read"
                yield f"below the floor: {escape(tally.tag)}: {share}, the floor is {tally.floor:g}"
        limit, ratio = self.options.time_ratio, self.ratio
        if self.is_whole and limit is not None and ratio is not None and ratio > limit:
            yield f"over the time budget: {ratio:.1f} times bare zxing-cpp, the budget is {limit:g}"
        if self.options.update and not self.is_whole and self.is_of_another_run:
            yield f"the baseline was not written: it is {self.baseline}, and only a part was run"

    @property
    def gone(self) -> list[str]:
        """Pictures that are in the baseline and no longer in the corpus."""
        return [] if self.baseline is None else self.baseline.list_gone(self.corpus.cases)

    @property
    def ratio(self) -> float | None:
        """Time of all readings divided by that of bare zxing-cpp on the same files; None if unknown."""
        both = [(o.ms, o.bare_ms) for o in self.outcomes.values() if o.ms is not None and o.bare_ms]
        return sum(ms for ms, _ in both) / sum(bare for _, bare in both) if both else None

    @property
    def is_of_another_run(self) -> bool:
        """Whether the baseline was made with another preset or another ``expect``."""
        base, own = self.baseline, self.options
        return base is not None and (base.preset, base.expect) != (own.preset, own.expect)

    def changes(self) -> Iterator[str]:
        """Yield what to look at: what was lost, gained and cut off, and what does not belong together."""
        outcomes = list(self.outcomes.values())
        yield from _name_pictures("lost", [o.key for o in outcomes if o.lost])
        yield from _name_pictures("timed out", [o.key for o in outcomes if o.timed_out])
        yield from _name_pictures("gained, not in the baseline", [o.key for o in outcomes if o.gained])
        yield from _name_pictures("gone from the corpus", self.gone)
        yield from _name_pictures("truth without a picture", self.corpus.orphans)
        for error in dict.fromkeys(error for o in outcomes for error in o.errors):
            number = sum(error in o.errors for o in outcomes)
            yield f"broke in {count(number, 'picture')}: {error}"

    def notes(self) -> Iterator[str]:
        """Yield further remarks about the run."""
        if self.baseline is not None:
            new = [o.key for o in self.outcomes.values() if not o.known]
            yield from _name_pictures("new, not in the baseline", new)
            yield from self._other_versions()
        if not self.is_whole:
            part = f"{len(self.outcomes)} of {len(self.corpus.cases)} pictures"
            yield f"only a part was run ({part}): only floors of complete tags are checked, no time budget"
        if self.corpus.unlisted:
            named = "is not in its manifest" if self.corpus.unlisted == 1 else "are not in its manifest"
            yield f"{count(self.corpus.unlisted, 'picture')} in the folder {named}"
        yield from self._time_notes()

    def _other_versions(self) -> Iterator[str]:
        assert self.baseline is not None
        for name in sorted({*self.baseline.versions, *self.versions}):
            before, now = (made.get(name, "none") for made in (self.baseline.versions, self.versions))
            if before != now:
                yield f"version: {name} {now}, the baseline was made with {before}"

    def _time_notes(self) -> Iterator[str]:
        times = [o.ms for o in self.outcomes.values() if o.ms is not None]
        if times:
            budget = f", the budget is {self.options.time_ratio:g}" if self.options.time_ratio else ""
            ratio = "" if self.ratio is None else f"; {self.ratio:.1f} times bare zxing-cpp{budget}"
            mean = f"{statistics.fmean(times):.0f} ms per picture"
            yield f"time: {mean}, median {statistics.median(times):.0f}, at most {max(times):.0f}{ratio}"

    def update_baseline(self) -> Baseline | None:
        """Return the baseline updated with this run; None if it must not be written.

        If only a part was run, the other pictures and the versions stay as they were. A picture that cannot
        be opened, or was not read in time, keeps its entry, since its payloads must be read again.
        """
        if not self.options.update or not self.outcomes or (not self.is_whole and self.is_of_another_run):
            return None
        before = {} if self.baseline is None else self.baseline.pictures
        new = {key: outcome.texts for key, outcome in self.outcomes.items() if outcome.is_final}
        kept = {k: v for k, v in before.items() if k not in new and (not self.is_whole or k in self.outcomes)}
        versions = self.versions if self.is_whole or self.baseline is None else self.baseline.versions
        return Baseline(self.options.preset, self.options.expect, versions, {**kept, **new})


def _name_pictures(what: str, keys: Sequence[str]) -> Iterator[str]:
    if keys:
        more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
        yield f"{what}: {', '.join(map(escape, keys[:_NAMED]))}{more}"
