"""For Ray Data: a class for ``map_batches``, whose actors read the pages of a cluster's share."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qrcascade.batch import Record, columns, read_groups
from qrcascade.cascade import Cascade
from qrcascade.errors import MissingDependencyError, OptionError
from qrcascade.image.frame import Source
from qrcascade.reading.options import DocumentKeywords

if TYPE_CHECKING:
    import pyarrow
    from typing_extensions import Unpack

__all__ = ["ReadBatch"]


class ReadBatch:
    """Reads batches of pictures and documents: a row a page, for each file one row at least.

    Each actor has one cascade, in a worker process of its own, which stays from batch to batch with
    its models. A file that ends that process, or hangs in it, is a row with an error, and a new process goes
    on with the next: what is wrong with a file never ends the actor, so Ray has no reason to try it again.

    Parameters
    ----------
    cascade : str or Cascade
        A preset's name, or a cascade without isolation, which the worker process is by itself.
    threads : int
        How many the worker process may use: the ``num_cpus`` of the actor.
    **keywords
        As for `qrcascade.read_many`.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed, which Ray Data needs.
    OptionError
        If an option means nothing, or cannot be sent to another process.
    """

    def __init__(
        self,
        cascade: str | Cascade = "thorough",
        *,
        threads: int = 1,
        **keywords: Unpack[DocumentKeywords],
    ) -> None:
        try:
            self._schema = columns.schema()
        except MissingDependencyError as error:
            raise MissingDependencyError("Ray Data", "pip install 'qrcascade[ray]'", str(error)) from error
        self._cascade = cascade if isinstance(cascade, Cascade) else Cascade.preset(cascade)
        self._threads, self._keywords = threads, keywords
        self._begin()

    def __call__(self, batch: Mapping[str, Sequence[Any]]) -> pyarrow.Table:
        """The rows of a batch of files.

        Parameters
        ----------
        batch : mapping of str to array of shape (N,)
            ``bytes``, contents of files, named by ``path`` where that is there, too; or ``path`` alone, of
            files that the actor can open. It is what `ray.data.read_binary_files` gives.

        Returns
        -------
        pyarrow.Table
            The columns of ``qrcascade scan --out x.parquet`` with their types; the rows of a file one after
            the other, files in their order. Every batch has the same schema, also where a column is empty.

        Raises
        ------
        OptionError
            If there is neither column, or ``accept`` raises something.
        WorkerError
            If no worker process can be started.
        """
        import pyarrow

        names, sources = _files(batch)
        rows = [
            columns.flat(replace(record, source=record.source if name is None else name).to_dict())
            for name, records in zip(names, self._read(sources), strict=True)
            for record in records
        ]
        return pyarrow.Table.from_pylist(rows, self._schema)

    def _begin(self) -> None:
        # The reading never ends: between two batches it stands at its last `yield`, with nothing waiting.
        self._waiting = _Waiting()
        how: dict[str, Any] = {"workers": 1, "ordered": True, "threads": self._threads}
        self._groups: Generator[tuple[Record, ...]] = read_groups(
            self._waiting, cascade=self._cascade, **how, **self._keywords
        )

    def _read(self, sources: Sequence[Source]) -> list[tuple[Record, ...]]:
        self._waiting.extend(sources)
        try:
            return [next(self._groups) for _ in sources]
        except BaseException:
            # Whatever ended it: Ray may try this batch again with this object.
            self._groups.close()
            self._begin()
            raise


class _Waiting:
    """Sources to be read: an iterator that goes on when there are new ones."""

    def __init__(self) -> None:
        self._sources: deque[Source] = deque()

    def extend(self, sources: Sequence[Source]) -> None:
        """Add them behind the others."""
        self._sources.extend(sources)

    def __iter__(self) -> _Waiting:
        return self

    def __next__(self) -> Source:
        if not self._sources:
            raise StopIteration
        return self._sources.popleft()


def _files(batch: Mapping[str, Sequence[Any]]) -> tuple[Sequence[str | None], Sequence[Source]]:
    """What the files of a batch are called, None where nobody said; and where their contents are."""
    if not {"path", "bytes"} & set(batch):
        raise OptionError(f"a batch has a column 'bytes' or 'path', or both; this one has {sorted(batch)}")
    sources = list(batch["bytes" if "bytes" in batch else "path"])
    if "path" not in batch:
        return [None] * len(sources), sources
    return [str(path) for path in batch["path"]], sources
