"""Why a picture or document was not read, as problems that a caller can act on."""

from __future__ import annotations

import re

from qrcascade import MissingDependencyError, QRCascadeError, WorkerError
from qrcascade.documents.opening import is_pdf
from qrcascade.image.formats import PICTURES, name_format
from qrcascade.server.logs import LOGGER
from qrcascade.server.problems import ProblemError

__all__ = ["busy", "failed", "late", "refusal"]

# What the messages of `ImageError` say, with the status, the outcome and what callers are told.
_REASONS = (
    (
        r"needs a password",
        (422, "protected", "the document is protected by a password; send one that opens without"),
    ),
    (r"MemoryError", (422, "too_large", "the picture or document needs more memory than a reading may use")),
    (r"(?P<why>[^:]*) \(Limits\.", (422, "too_large", "the picture or document is too large: {why}")),
    # Pillow's own limit.
    (r"size \((?P<why>\d+ pixels)\) exceeds", (422, "too_large", "the picture is too large: it has {why}")),
)


def busy(places: int, retry_after: int) -> ProblemError:
    """Return the refusal for a full queue, or for a turn that did not come in time."""
    detail = (
        f"the service is busy: it takes {places} requests at a time, including those that wait; "
        f"send this request again in {retry_after} s"
    )
    return ProblemError(503, detail, "full", {"Retry-After": str(retry_after)})


def late(seconds: float) -> ProblemError:
    """Return the refusal if the time ran out."""
    detail = (
        f"nothing was read within {seconds:g} seconds; send a smaller picture, or ask for a longer timeout"
    )
    return ProblemError(504, detail, "timeout")


def failed() -> ProblemError:
    """Return the refusal if nothing was read because worker processes were lost."""
    detail = (
        "the reading failed: nothing was read, and a worker process was lost on the way, perhaps for lack "
        "of memory; send a smaller picture"
    )
    return ProblemError(500, detail, "failed")


def refusal(error: QRCascadeError, data: bytes) -> ProblemError:
    """Return the refusal of a body that cannot be read."""
    if isinstance(error, WorkerError):
        LOGGER.exception("worker")
        detail = "the service could not start a worker process; send this request again in 5 s"
        return ProblemError(503, detail, "no_worker", {"Retry-After": "5"})
    if isinstance(error, MissingDependencyError):
        detail = (
            f"this service is not set up to read {error.what}; its operator can add that with {error.remedy}"
        )
        return ProblemError(415, detail, "unsupported")
    if late_by := re.search(r"no answer within ([\d.]+)", str(error)):
        return late(float(late_by[1]))
    if "worker process" in str(error):
        LOGGER.warning("failed", extra={"fields": {"error": str(error)}})
        return failed()
    for pattern, (status, outcome, detail) in _REASONS:
        if found := re.search(pattern, str(error)):
            told = {name: text.strip() for name, text in found.groupdict().items()}
            return ProblemError(status, detail.format(**told), outcome)
    if name_format(data) is not None or is_pdf(data):
        return ProblemError(422, "the picture or document is broken", "unreadable")
    supported = ", ".join([*PICTURES, "HEIF", "PDF"])
    detail = f"the body is not a picture or document of a supported type ({supported})"
    return ProblemError(415, detail, "unsupported")
