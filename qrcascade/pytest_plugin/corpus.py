"""A folder of pictures and what they should hold: a manifest, or a file beside each picture."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from qrcascade import OptionError
from qrcascade.profile.pictures import SUFFIXES

__all__ = ["Case", "Corpus"]

_SUFFIXES = (*SUFFIXES, ".pdf", ".heic", ".heif")
_COLUMNS = ("file", "text", "count", "tags", "page", "note")
_KEYS = ("file", "texts", "count", "tags", "page", "note")


@dataclass(frozen=True, slots=True)
class Case:
    """One picture, and what it should hold. Without texts and count: at least one code.

    Parameters
    ----------
    file : str
        Its path in the corpus, with "/".
    texts : tuple of str, optional
        The payloads of its codes, in any order; empty where nothing may be read.
    count : int, optional
        How many codes it holds, where the payloads are not given.
    tags : tuple of str
        What kind of picture it is.
    page : int, optional
        Which page or frame of its file, from 1; the first by default.
    """

    file: str
    texts: tuple[str, ...] | None = None
    count: int | None = None
    tags: tuple[str, ...] = ()
    page: int | None = None

    @property
    def key(self) -> str:
        """Its name in the baseline."""
        return self.file if self.page is None else f"{self.file}#page={self.page}"

    @property
    def codes(self) -> int | None:
        """How many codes it holds, where that is known."""
        return self.count if self.texts is None else len(self.texts)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The cases of a folder by their keys, in order.

    Parameters
    ----------
    folder : Path
        The folder.
    cases : mapping of str to Case
        By key.
    unlisted : int
        Pictures in the folder that its manifest does not name.
    """

    folder: Path
    cases: Mapping[str, Case]
    unlisted: int = 0

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Read ``manifest.csv`` or ``manifest.jsonl``, or what lies beside each picture that is not hidden.

        Raises
        ------
        OptionError
            If there is no picture, one that is named is not there, or what is said of one means nothing.
        """
        manifests = [file for name in ("csv", "jsonl") if (file := folder / f"manifest.{name}").is_file()]
        if len(manifests) > 1:
            raise OptionError(f"{str(folder)!r} has two manifests; one of them must go")
        pictures = sorted(_pictures(folder))
        if manifests:
            cases = list(_listed(manifests[0]))
        else:
            cases = [_beside(folder, picture) for picture in pictures]
        if not cases:
            raise OptionError(f"no picture in the corpus {str(folder)!r}")
        found = {case.key: case for case in sorted(cases, key=lambda case: (case.file, case.page or 0))}
        if len(found) < len(cases):
            twice = next(case.key for case in cases if found[case.key] is not case)
            raise OptionError(f"{str(manifests[0])!r} names {twice!r} twice")
        listed = {case.file for case in cases}
        return cls(folder, found, sum(picture not in listed for picture in pictures))


def _pictures(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") for part in path.parts)
        if path.suffix.lower() in _SUFFIXES and not hidden and file.is_file():
            yield path.as_posix()


def _listed(manifest: Path) -> Iterator[Case]:
    """The cases that a manifest names."""
    try:
        rows = list(_csv_rows(manifest) if manifest.suffix == ".csv" else _json_rows(manifest))
    except csv.Error as error:
        raise OptionError(f"{str(manifest)!r} is no CSV: {error}") from error
    for where, row in rows:
        name = row.pop("file", None)
        if not isinstance(name, str) or not name:
            raise OptionError(f"{where}: file must name a picture, got {name!r}")
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or not Path(manifest.parent, path).is_file():
            raise OptionError(f"{where}: no such file in {str(manifest.parent)!r}: {name!r}")
        yield _case(path.as_posix(), row, where)


def _csv_rows(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of one file and page are one: each has one more payload."""
    merged: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    rows = csv.DictReader(io.StringIO(_text(manifest), newline=""), restkey="a further column", strict=True)
    columns = list(rows.fieldnames or ())
    if unknown := sorted({*columns} - {*_COLUMNS}):
        raise OptionError(f"{str(manifest)!r} has columns {unknown}; known are {', '.join(_COLUMNS)}")
    if len({*columns}) < len(columns):
        raise OptionError(f"{str(manifest)!r} has a column twice; a further row is a further code")
    for row in rows:
        where = f"{manifest}, line {rows.line_num}"
        if "a further column" in row:
            raise OptionError(f"{where}: more cells than columns; quote a text that has a comma")
        given: dict[str, Any] = {name: cell for name, cell in row.items() if cell and name != "note"}
        texts = [given.pop("text")] if "text" in given else []
        page = given.get("file", ""), given.get("page", "")
        if page in merged and any(merged[page][1].get(name) != cell for name, cell in given.items()):
            raise OptionError(f"{where}: {page[0]!r} has other tags or counts here than before")
        known = merged.setdefault(page, (where, given))[1]
        if texts:
            known["texts"] = [*known.get("texts", ()), *texts]
    yield from merged.values()


def _json_rows(manifest: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(_text(manifest).split("\n"), 1):
        if line.strip():
            where = f"{manifest}, line {number}"
            yield where, _object(line, where, _KEYS)


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{str(file)!r} cannot be read as UTF-8: {error}") from error


def _object(text: str, where: str, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise OptionError(f"{where}: no JSON: {error}") from error
    if not isinstance(found, dict) or {*found} - {*keys}:
        raise OptionError(f"{where}: not a JSON object with some of {', '.join(keys)}: {text.strip()[:80]}")
    return found


def _beside(folder: Path, picture: str) -> Case:
    """A picture, its folders as tags, and what the .txt or .json of the same name says of it."""
    text, data = (Path(folder, picture).with_suffix(suffix) for suffix in (".txt", ".json"))
    folders = list(PurePosixPath(picture).parts[:-1])
    if text.is_file() and data.is_file():
        raise OptionError(f"{picture!r} has a .txt and a .json in {str(folder)!r}; one of them must go")
    if text.is_file():
        lines = _text(text).replace("\r\n", "\n").split("\n")
        return _case(picture, {"texts": [line for line in lines if line], "tags": folders}, str(text))
    if data.is_file():
        row = _object(_text(data), str(data), _KEYS[1:])
        row["tags"] = [*folders, *_tags(row.get("tags", ()), str(data))]
        return _case(picture, row, str(data))
    return Case(picture, tags=tuple(folders))


def _case(file: str, row: Mapping[str, Any], where: str) -> Case:
    texts, tags = row.get("texts"), _tags(row.get("tags", ()), where)
    count, page = (_whole(row.get(name), name, where) for name in ("count", "page"))
    if texts is not None and not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise OptionError(f"{where}: texts must be a list of strings, got {texts!r}")
    if texts is not None and count not in (None, len(texts)):
        raise OptionError(f"{where}: count is {count}, and there are {len(texts)} texts")
    if page == 0:
        raise OptionError(f"{where}: pages are counted from 1")
    return Case(file, None if texts is None else tuple(texts), count, tags, page)


def _tags(given: Any, where: str) -> tuple[str, ...]:
    """Of a list, or of a text with commas, semicolons or spaces between them."""
    tags: Iterable[Any] = re.split(r"[;,\s]+", given) if isinstance(given, str) else given
    if not isinstance(tags, list | tuple) or not all(isinstance(tag, str) for tag in tags):
        raise OptionError(f"{where}: tags must be strings, got {given!r}")
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _whole(value: Any, name: str, where: str) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise OptionError(f"{where}: {name} must be a whole number, got {value!r}")
