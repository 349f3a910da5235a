"""The exceptions of qrcascade, one tree::

QRCascadeError
├── ImageError (ValueError)              the source is not a picture that can be read
│   └── DocumentError                    it is a document that cannot be opened, or lacks that page
├── OptionError (ValueError)             an argument has a value that means nothing
├── NotFoundError (LookupError)          ``ReadResult.require()`` and no code was read
├── MissingDependencyError (ImportError) a library or extra is not installed
├── WeightsError (OSError)               a model's weights are not there, or not to be trusted
└── WorkerError (RuntimeError)           no worker process can be started to read in
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
]


class QRCascadeError(Exception):
    """Base of everything that qrcascade raises on purpose."""


class ImageError(QRCascadeError, ValueError):
    """The source is missing, broken, too large, or not a picture.

    The message shows what was given and what would have been accepted.
    """


class DocumentError(ImageError):
    """A document is broken, empty or locked, or has no such page; the message shows what was given."""


class OptionError(QRCascadeError, ValueError):
    """An option has a value that means nothing; the message says which would."""


class NotFoundError(QRCascadeError, LookupError):
    """No code was read, and the caller said that there must be one."""


class MissingDependencyError(QRCascadeError, ImportError):
    """A library that this step needs cannot be imported.

    Parameters
    ----------
    what : str
        What needs the library, in words.
    remedy : str
        The command that mends it.
    reason : str, optional
        Why the import failed.
    """

    def __init__(self, what: str, remedy: str, reason: str = "") -> None:
        because = f" ({reason})" if reason else ""
        super().__init__(f"{what} is not available{because}; to mend it: {remedy}")
        self.what = what
        self.remedy = remedy
        self.reason = reason

    def __reduce__(self) -> tuple[type[MissingDependencyError], tuple[str, str, str]]:
        return type(self), (self.what, self.remedy, self.reason)


class WeightsError(QRCascadeError, OSError):
    """A model's weights are not where they were looked for, cannot be fetched, or are not to be trusted."""


class WorkerError(QRCascadeError, RuntimeError):
    """``isolation="process"`` was asked for, and no worker process can be started."""
