"""A folder of pictures and their truth, from a manifest or from a file beside each picture."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from qrcascade import OptionError
from qrcascade.image.formats import SUFFIXES

__all__ = ["Case", "Corpus"]

_SUFFIXES = SUFFIXES | {".pdf"}
_COLUMNS = ("file", "text", "count", "tags", "page", "note")
_KEYS = ("file", "texts", "count", "tags", "page", "note")


@dataclass(frozen=True, slots=True)
class Case:
    """One picture and what it should hold: without texts and count, at least one code."""

    # Path in the corpus, with "/".
    file: str
    # Payloads in any order, empty if nothing may be read; or only their number.
    texts: tuple[str, ...] | None = None
    count: int | None = None
    tags: tuple[str, ...] = ()
    # Page or frame of the file, from 1; by default the first.
    page: int | None = None

    @property
    def key(self) -> str:
        """Name of the picture in the baseline."""
        return self.file if self.page is None else f"{self.file}#page={self.page}"

    @property
    def codes(self) -> int | None:
        """Number of codes that it holds, if known."""
        return self.count if self.texts is None else len(self.texts)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The cases of a folder by key, in order; ``unlisted`` pictures are not in its manifest.

    ``orphans`` are files of truth beside no picture.
    """

    folder: Path
    cases: Mapping[str, Case]
    unlisted: int = 0
    orphans: tuple[str, ...] = ()

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Load ``manifest.csv`` or ``manifest.jsonl``, else the pictures that are not hidden.

        Raises `OptionError` if there is no picture, a named one is missing, or its description is invalid.
        """
        manifests = [file for name in ("csv", "jsonl") if (file := folder / f"manifest.{name}").is_file()]
        if len(manifests) > 1:
            raise OptionError(f"{str(folder)!r} has two manifests; remove one of them")
        pictures = sorted(_find_files(folder, _SUFFIXES))
        if manifests:
            cases = list(_read_manifest(manifests[0]))
        else:
            cases = [_read_beside(folder, picture) for picture in pictures]
        if not cases:
            raise OptionError(f"no picture in the corpus {str(folder)!r}")
        found = {case.key: case for case in sorted(cases, key=lambda case: (case.file, case.page or 0))}
        if len(found) < len(cases):
            twice = next(case.key for case in cases if found[case.key] is not case)
            raise OptionError(f"{str(manifests[0])!r} names {twice!r} twice")
        listed = {case.file for case in cases}
        unlisted = sum(picture not in listed for picture in pictures)
        return cls(folder, found, unlisted, () if manifests else tuple(_find_orphans(folder, pictures)))


def _find_files(folder: Path, suffixes: Collection[str]) -> Iterator[str]:
    """Yield the files with these suffixes that are not hidden."""
    for file in folder.rglob("*"):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in path.parts)
        if path.suffix.lower() in suffixes and not hidden and file.is_file():
            yield path.as_posix()


def _find_orphans(folder: Path, pictures: Iterable[str]) -> Iterator[str]:
    """Yield truth files without a picture beside them, except baselines."""
    known = {PurePosixPath(picture).with_suffix("") for picture in pictures}
    for file in sorted(_find_files(folder, (".txt", ".json"))):
        path = PurePosixPath(file)
        if path.with_suffix("") not in known and not path.name.startswith("qr-baseline"):
            yield file


def _read_manifest(manifest: Path) -> Iterator[Case]:
    """Yield the cases that a manifest names."""
    try:
        rows = list(_csv_rows(manifest) if manifest.suffix == ".csv" else _json_rows(manifest))
    except csv.Error as error:
        raise OptionError(f"{str(manifest)!r} is not valid CSV: {error}") from error
    for where, row in rows:
        name = row.pop("file", None)
        if not isinstance(name, str) or not name:
            raise OptionError(f"{where}: file must name a picture, got {name!r}")
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not Path(manifest.parent, path).is_file():
            raise OptionError(f"{where}: no such file in {str(manifest.parent)!r}: {name!r}")
        yield _make_case(path.as_posix(), row, where)


def _csv_rows(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a CSV manifest; rows of the same file and page are merged, one payload each."""
    merged: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    rows = csv.DictReader(io.StringIO(_read_text(manifest), newline=""), restkey="more", strict=True)
    columns = list(rows.fieldnames or ())
    if unknown := sorted({*columns} - {*_COLUMNS}):
        raise OptionError(f"{str(manifest)!r} has unknown columns {unknown}; known are {', '.join(_COLUMNS)}")
    if len({*columns}) < len(columns):
        raise OptionError(f"{str(manifest)!r} has a column twice; use another row for another code")
    for row in rows:
        where = f"{manifest}, line {rows.line_num}"
        if "more" in row:
            raise OptionError(f"{where}: more cells than columns; quote texts that contain commas")
        given: dict[str, Any] = {name: cell for name, cell in row.items() if cell and name != "note"}
        texts = [given.pop("text")] if "text" in given else []
        page = given.get("file", ""), given.get("page", "")
        if page in merged and any(merged[page][1].get(name) != cell for name, cell in given.items()):
            raise OptionError(f"{where}: {page[0]!r} has different tags or counts here than before")
        known = merged.setdefault(page, (where, given))[1]
        if texts:
            known["texts"] = [*known.get("texts", ()), *texts]
    yield from merged.values()


def _json_rows(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_read_text(manifest).split("\n"), 1):
        if line.strip():
            where = f"{manifest}, line {number}"
            yield where, _parse_object(line, where, _KEYS)


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{str(file)!r} cannot be read as UTF-8: {error}") from error


def _parse_object(text: str, where: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise OptionError(f"{where}: not valid JSON: {error}") from error
    others = "" if not isinstance(found, dict) else ", ".join(map(repr, {*found} - {*keys}))
    if not isinstance(found, dict) or others:
        given = others or text.strip()[:80]
        raise OptionError(f"{where}: must be a JSON object with keys among {', '.join(keys)}, got {given}")
    return found


def _read_beside(folder: Path, picture: str) -> Case:
    """Return the case of a picture: its folders are tags, a .txt or .json file beside it has the rest."""
    text, data = (Path(folder, picture).with_suffix(suffix) for suffix in (".txt", ".json"))
    folders = list(PurePosixPath(picture).parts[:-1])
    if text.is_file() and data.is_file():
        raise OptionError(f"{picture!r} has both a .txt and a .json in {str(folder)!r}; remove one of them")
    if text.is_file():
        lines = _read_text(text).replace("\r\n", "\n").split("\n")
        return _make_case(picture, {"texts": [line for line in lines if line], "tags": folders}, str(text))
    if data.is_file():
        row = _parse_object(_read_text(data), str(data), _KEYS[1:])
        row["tags"] = [*folders, *_parse_tags(row.get("tags", ()), str(data))]
        return _make_case(picture, row, str(data))
    return Case(picture, tags=tuple(folders))


def _make_case(file: str, row: Mapping[str, Any], where: str) -> Case:
    texts, tags = row.get("texts"), _parse_tags(row.get("tags", ()), where)
    count, page = (_parse_whole(row.get(name), name, where) for name in ("count", "page"))
    if texts is not None and not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise OptionError(f"{where}: texts must be a list of strings, got {texts!r}")
    if texts is not None and count not in (None, len(texts)):
        raise OptionError(f"{where}: count is {count}, but there are {len(texts)} texts")
    if page == 0:
        raise OptionError(f"{where}: pages are counted from 1")
    return Case(file, None if texts is None else tuple(texts), count, tags, page)


def _parse_tags(given: Any, where: str) -> tuple[str, ...]:
    """Return the tags of a list, or of a text that separates them by commas, semicolons or spaces."""
    tags: Iterable[Any] = re.split(r"[;,\s]+", given) if isinstance(given, str) else given
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise OptionError(f"{where}: tags must be strings, got {given!r}")
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _parse_whole(value: Any, name: str, where: str) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise OptionError(f"{where}: {name} must be a whole number, got {value!r}")
