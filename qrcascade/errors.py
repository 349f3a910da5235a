"""The exceptions of qrcascade, one tree::

QRCascadeError
├── ImageError (ValueError)              the source is not a readable picture
│   └── DocumentError                    the document cannot be opened, or lacks that page
├── OptionError (ValueError)             an argument has an invalid value
├── NotFoundError (LookupError)          ``ReadResult.require()`` found no code
├── MissingDependencyError (ImportError) a library or extra is not installed
├── WeightsError (OSError)               a model's weights are missing or not trusted
└── WorkerError (RuntimeError)           no worker process can be started
"""

from __future__ import annotations

__all__ = [
    "DocumentError",
    "ImageError",
    "MissingDependencyError",
    "NotFoundError",
    "OptionError",
    "QRCascadeError",
    "WeightsError",
    "WorkerError",
    "in_words",
    "reason",
]


class QRCascadeError(Exception):
    """Base class of every exception that qrcascade raises on purpose."""


class ImageError(QRCascadeError, ValueError):
    """The source is missing, broken, too large, or not a picture.

    The message shows what was given and what is accepted.
    """


class DocumentError(ImageError):
    """A document is broken, empty or locked, or has no such page; the message shows what was given."""


class OptionError(QRCascadeError, ValueError):
    """An option has an invalid value; the message says which values are valid."""


class NotFoundError(QRCascadeError, LookupError):
    """No code was read, and the caller required one."""


class MissingDependencyError(QRCascadeError, ImportError):
    """A library that this step needs cannot be imported.

    Parameters
    ----------
    what : str
        What needs the library, in words.
    remedy : str
        The command that fixes it.
    reason : str, optional
        Why the import failed.
    """

    def __init__(self, what: str, remedy: str, reason: str = "") -> None:
        because = f" ({reason})" if reason else ""
        super().__init__(f"{what} is not available{because}; to fix it: {remedy}")
        self.what = what
        self.remedy = remedy
        self.reason = reason

    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str]]:
        return type(self), (self.what, self.remedy, self.reason)


class WeightsError(QRCascadeError, OSError):
    """A model's weights are missing, cannot be fetched, or are not trusted."""


class WorkerError(QRCascadeError, RuntimeError):
    """No worker process can be started, although ``isolation="process"`` asks for one."""


def reason(error: BaseException) -> str:
    """Return what an exception says went wrong, without the path that an OSError repeats."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def in_words(error: BaseException) -> str:
    """Return the type and the message of any exception, in one text."""
    return f"{type(error).__name__}: {error}"
