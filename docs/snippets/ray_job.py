"""Reads the pictures and PDFs under a folder or in an object store with Ray, into Parquet: a row a page.

``python ray_job.py s3://scans/2026 s3://codes/2026 --preset light --actors 64``; local paths are absolute.
"""

import argparse
from collections.abc import Iterator

import ray
from pyarrow import compute, dataset
from pyarrow.fs import FileSelector, FileSystem, FileType
from ray.data import SaveMode

from qrcascade.batch.ray import ReadBatch


def listed(source: str) -> tuple[FileSystem, list[str]]:
    """Where the files under a path or URI are, and what they are called there."""
    store, path = FileSystem.from_uri(source)
    found = store.get_file_info(FileSelector(path, recursive=True))
    return store, [file.path for file in found if file.type == FileType.File]


def read(store: FileSystem, files: list[str], out: str, preset: str, actors: int) -> None:
    """Write Parquet files with the rows of all files into a new folder."""
    context = ray.data.DataContext.get_current()
    # A machine that is short of memory for a moment starts no process. That a store is busy Ray knows by
    # itself, by what S3 says then: `context.retried_io_errors`.
    context.retried_map_errors, context.max_map_retries = ["worker process"], 3
    # Where the actors took all processors, nothing would be left to fetch and write with, and all would wait.
    contents = ray.data.read_binary_files(files, filesystem=store, include_paths=True, num_cpus=0.1)
    # An actor that is lost, alone or with its machine, is started again, and its files are read again: Ray
    # Data does so by itself, as often as it takes. No file makes that endless, since none ends its actor.
    rows = contents.map_batches(
        ReadBatch,
        fn_constructor_kwargs={"cascade": preset, "timeout": 30.0},
        batch_size=16,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=0.9,
    )
    where, path = FileSystem.from_uri(out)
    # Never beside the rows of another run, which would be there twice.
    rows.write_parquet(path, filesystem=where, mode=SaveMode.ERROR, ray_remote_args={"num_cpus": 0.1})


def faults(files: list[str], out: str) -> Iterator[str]:
    """What keeps the rows from being exactly one for each page of each file; nothing, where they are."""
    where, path = FileSystem.from_uri(out)
    table = dataset.dataset(path, filesystem=where).to_table(["file", "page", "rows"])
    with_none = compute.CountOptions(mode="all")  # the page of an error that is a whole file's
    counts = table.group_by("file").aggregate(
        [("rows", "min"), ("rows", "max"), ("rows", "count"), ("page", "count_distinct", with_none)]
    )
    left = set(files)
    for row in counts.to_pylist():
        file = row.pop("file")
        if file not in left:
            yield f"{file}: not one of the files"
        left.discard(file)
        if len(set(row.values())) > 1:
            yield f"{file}: not one row a page: {row}"
    yield from (f"{file}: no row" for file in sorted(left))


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
