"""Reads the pictures and PDFs under a folder or in an object store with Ray, into Parquet: a row a page.

``python ray_job.py s3://scans/2026 s3://codes/2026 --preset light --actors 64``; local paths are absolute.
"""

import argparse
from collections.abc import Iterator

import pyarrow.dataset
import ray
from pyarrow.fs import FileSelector, FileSystem, FileType

from qrcascade.ray import ReadBatch


def listed(source: str) -> tuple[FileSystem, list[str]]:
    """Where the files under a path or URI are, and what they are called there."""
    store, path = FileSystem.from_uri(source)
    found = store.get_file_info(FileSelector(path, recursive=True))
    return store, [file.path for file in found if file.type == FileType.File]


def read(store: FileSystem, files: list[str], out: str, preset: str, actors: int) -> None:
    """Write Parquet files with the rows of all files into a new folder."""
    context = ray.data.DataContext.get_current()
    # A store that is busy is asked again, later and later. Ray knows the errors of S3; others are named here.
    context.retried_io_errors = [*context.retried_io_errors, "timed out", "Too Many Requests"]
    # Where the actors took all processors, nothing would be left for those that fetch and write, and all would wait.
    contents = ray.data.read_binary_files(files, filesystem=store, include_paths=True, num_cpus=0.1)
    rows = contents.map_batches(
        ReadBatch,
        fn_constructor_kwargs={"cascade": preset, "timeout": 30.0},
        batch_size=16,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=0.9,
        # An actor that is lost with its machine is started on another one; its batches are read again.
        max_restarts=-1,
        max_task_retries=10,
    )
    where, path = FileSystem.from_uri(out)
    # Never beside the rows of another run, which would be there twice.
    rows.write_parquet(path, filesystem=where, mode="error", ray_remote_args={"num_cpus": 0.1})


def faults(files: list[str], out: str) -> Iterator[str]:
    """What keeps the rows from being exactly one for each page of each file; nothing, where they are."""
    where, path = FileSystem.from_uri(out)
    table = pyarrow.dataset.dataset(path, filesystem=where).to_table(["file", "page", "rows"])
    counts = table.group_by("file").aggregate(
        [("rows", "min"), ("rows", "max"), ("rows", "count"), ("page", "count_distinct", _WITH_NULL)]
    )
    left = set(files)
    for row in counts.to_pylist():
        if row["file"] not in left:
            yield f"{row['file']}: not among the files"
        left.discard(row["file"])
        if len({row[name] for name in row if name != "file"}) != 1:
            yield f"{row['file']}: {row['rows_count']} rows of {row['rows_max']}"
    yield from (f"{file}: no row" for file in sorted(left))


_WITH_NULL = pyarrow.compute.CountOptions(mode="all")


def main() -> None:
    """Read, then count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--preset", default="light")
    parser.add_argument("--actors", type=int, default=2)
    given = parser.parse_args()
    store, files = listed(given.source)
    read(store, files, given.out, given.preset, given.actors)
    if wrong := list(faults(files, given.out)):
        raise SystemExit("\n".join(wrong))
    print(f"{len(files):,} files, every page in exactly one row")


if __name__ == "__main__":
    main()
