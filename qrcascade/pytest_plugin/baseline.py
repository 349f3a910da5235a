"""The baseline of what was read before: a sorted JSON file in the user's repository."""

from __future__ import annotations

import json
import os
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from qrcascade import OptionError
from qrcascade.errors import in_words

__all__ = ["Baseline"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The payloads that a complete run read: for each picture's key those that are correct, sorted."""

    preset: str
    expect: int | str | None
    versions: Mapping[str, str]
    pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"of preset {self.preset!r} with expect={self.expect!r}"

    @classmethod
    def load(cls, path: Path) -> Baseline | None:
        """Load a baseline; return None if there is no file. Raises `OptionError` if it is not a baseline."""
        try:
            found = json.loads(path.read_text("utf-8"))
            pictures = {key: tuple(map(str, texts)) for key, texts in found["pictures"].items()}
            return cls(found["preset"], found["expect"], dict(found["versions"]), pictures)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            why = f"is not a baseline ({in_words(error)}); delete it to start anew"
            raise OptionError(f"{str(path)!r} {why}") from error

    def list_gone(self, keys: Container[str]) -> list[str]:
        """Return the pictures of the baseline that are not among these, of the corpus."""
        return [key for key in self.pictures if key not in keys]

    def save(self, path: Path) -> None:
        """Write the baseline: sorted, one payload per line, the same bytes for the same content."""
        content = {
            "expect": self.expect,
            "pictures": {key: sorted(texts) for key, texts in self.pictures.items()},
            "preset": self.preset,
            "versions": dict(self.versions),
        }
        text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))
        beside.replace(path)
