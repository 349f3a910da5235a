"""Read the pictures and PDFs in a folder or object store with Ray, into Parquet, with one row per page.

``python ray_job.py s3://scans/2026 s3://codes/2026 --preset light --actors 64``; local paths are absolute.
"""

import argparse
from collections.abc import Iterator

import ray
from pyarrow import compute, dataset
from pyarrow.fs import FileSelector, FileSystem, FileType
from ray.data import SaveMode

from qrcascade.batch.ray import ReadBatch


def list_files(source: str) -> tuple[FileSystem, list[str]]:
    """Return the file system of a path or URI, and the paths of all files below it."""
    store, path = FileSystem.from_uri(source)
    found = store.get_file_info(FileSelector(path, recursive=True))
    return store, [file.path for file in found if file.type == FileType.File]


def read(store: FileSystem, files: list[str], out: str, preset: str, actors: int) -> None:
    """Read all files, and write their rows as Parquet files into a new folder."""
    context = ray.data.DataContext.get_current()
    # A machine that is briefly short of memory cannot start a process. Ray recognises a busy store without
    # help, from S3's answers: `context.retried_io_errors`.
    context.retried_map_errors, context.max_map_retries = ["worker process"], 3
    # If the actors took all processors, none would be left for fetching and writing, and all would wait.
    contents = ray.data.read_binary_files(files, filesystem=store, include_paths=True, num_cpus=0.1)
    # If an actor is lost, alone or with its machine, Ray Data starts another and reads its files again, as
    # often as it takes. No file makes that endless, since a file cannot end its actor.
    rows = contents.map_batches(
        ReadBatch,
        fn_constructor_kwargs={"cascade": preset, "timeout": 30.0},
        batch_size=16,
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=0.9,
    )
    where, path = FileSystem.from_uri(out)
    # Never beside the rows of another run, or rows would be there twice.
    rows.write_parquet(path, filesystem=where, mode=SaveMode.ERROR, ray_remote_args={"num_cpus": 0.1})


def find_faults(files: list[str], out: str) -> Iterator[str]:
    """Yield each fault that keeps the rows from being exactly one per page of each file."""
    where, path = FileSystem.from_uri(out)
    table = dataset.dataset(path, filesystem=where).to_table(["file", "page", "rows"])
    with_none = compute.CountOptions(mode="all")  # an error of a whole file has no page
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
            yield f"{file}: not one row per page: {row}"
    yield from (f"{file}: no row" for file in sorted(left))


def main() -> None:
    """Read the files, then check the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--preset", default="light")
    parser.add_argument("--actors", type=int, default=2)
    given = parser.parse_args()
    store, files = list_files(given.source)
    read(store, files, given.out, given.preset, given.actors)
    if wrong := list(find_faults(files, given.out)):
        raise SystemExit("\n".join(wrong))
    print(f"{len(files):,} files, every page in exactly one row")


if __name__ == "__main__":
    main()
