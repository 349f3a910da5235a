"""Reading with Ray Data: a class for the actors of ``map_batches``."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qrcascade.batch import Record, columns, read_groups
from qrcascade.cascade import Cascade, Preset
from qrcascade.errors import MissingDependencyError, OptionError
from qrcascade.image.frame import Source
from qrcascade.reading.options import DocumentKeywords

if TYPE_CHECKING:
    import pyarrow
    from typing_extensions import Unpack

__all__ = ["ReadBatch"]


class ReadBatch:
    """Callable that reads batches of pictures and documents: one row per page, at least one per file.

    Each actor has one cascade in a worker process, which keeps its models from batch to batch. A file that
    crashes or hangs that process gives a row with an error, and a new process continues with the next file. A
    bad file never ends the actor, so Ray has no reason to retry it.

    Parameters
    ----------
    cascade : str or Cascade
        A preset's name, or a cascade without isolation: the worker process isolates already.
    threads : int
        Number of threads of the worker process: the ``num_cpus`` of the actor.
    **keywords
        As for `qrcascade.read_many`.

    Raises
    ------
    MissingDependencyError
        If pyarrow is not installed, which Ray Data needs.
    OptionError
        If an option is invalid or cannot be sent to another process.
    """

    def __init__(
        self,
        cascade: Preset | Cascade = "thorough",
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
        """Return the rows of a batch of files.

        Parameters
        ----------
        batch : mapping of str to array of shape (N,)
            ``bytes`` with the contents of files, optionally with their names in ``path``; or ``path`` alone,
            for files that the actor can open. `ray.data.read_binary_files` gives such batches.

        Returns
        -------
        pyarrow.Table
            The columns of ``qrcascade scan --out x.parquet`` with their types. The rows of a file follow each
            other, and files keep their order. Every batch has the same schema, even if a column is empty.

        Raises
        ------
        OptionError
            If both columns are missing, or ``accept`` raises an exception.
        WorkerError
            If no worker process can be started.
        """
        import pyarrow

        names, sources = _split_batch(batch)
        rows = [
            columns.flatten(replace(record, source=record.source if name is None else name).to_dict())
            for name, records in zip(names, self._read(sources), strict=True)
            for record in records
        ]
        return pyarrow.Table.from_pylist(rows, self._schema)

    def _begin(self) -> None:
        # The generator never ends: between batches it is suspended at its last `yield`.
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
            # Start afresh, since Ray may retry this batch with this object.
            self._groups.close()
            self._begin()
            raise


class _Waiting(deque[Source]):
    """The sources to read, as an iterator that can resume after its end when there are new ones."""

    def __iter__(self) -> _Waiting:
        return self

    def __next__(self) -> Source:
        if not self:
            raise StopIteration
        return self.popleft()


def _split_batch(batch: Mapping[str, Sequence[Any]]) -> tuple[Sequence[str | None], Sequence[Source]]:
    """Return the names of the files of a batch, None where unknown, and their sources."""
    if not {"path", "bytes"} & set(batch):
        raise OptionError(
            f"a batch must have a column 'bytes' or 'path', or both; this one has {sorted(batch)}"
        )
    sources = list(batch["bytes" if "bytes" in batch else "path"])
    if "path" not in batch:
        return [None] * len(sources), sources
    return [str(path) for path in batch["path"]], sources
