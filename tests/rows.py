"""Tables of which a plain run takes some rows, and ``-m slow`` the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def slowly(*rows: Any) -> list[Any]:
    """Rows for the slow run alone; a tuple is a row of several arguments."""
    values = (row if isinstance(row, tuple) else (row,) for row in rows)
    return [pytest.param(*row, marks=pytest.mark.slow) for row in values]


def thinned(rows: Iterable[Any], every: int) -> list[Any]:
    """The first row and each ``every``-th after it as they are, the others for the slow run alone."""
    return [slowly(row)[0] if number % every else row for number, row in enumerate(rows)]
