"""Read what lies in an object store: S3, Google Cloud Storage, Azure, HDFS, or a folder."""

from collections.abc import Iterator

from pyarrow import fs

import qrcascade


def read_object(uri: str) -> qrcascade.ReadResult:
    """Read one picture, or the first page of a PDF, by its address, such as ``s3://bucket/invoice.pdf``."""
    store, path = fs.FileSystem.from_uri(uri)
    with store.open_input_stream(path) as file:
        return qrcascade.read(file)


def read_prefix(uri: str) -> Iterator[tuple[str, qrcascade.Record]]:
    """Read all that lies under an address, in worker processes; yield each page with its path."""
    store, folder = fs.FileSystem.from_uri(uri)
    found = store.get_file_info(fs.FileSelector(folder, recursive=True))
    paths = sorted(info.path for info in found if info.is_file)

    def contents() -> Iterator[bytes]:
        for path in paths:
            with store.open_input_stream(path) as file:
                yield file.read()

    for record in qrcascade.read_many(contents()):
        yield paths[record.index], record
