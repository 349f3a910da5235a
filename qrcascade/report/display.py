"""Notebook display: a result as HTML, and a picture through each view.

The HTML is self-contained: the picture is a data URI, there are no scripts, links or style sheets, and the
text of codes and errors is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from html import escape
from typing import TYPE_CHECKING

from qrcascade.errors import OptionError
from qrcascade.image.frame import Frame, Source
from qrcascade.image.views import NAMES, view
from qrcascade.report import words
from qrcascade.report.drawing import draw, to_data_uri
from qrcascade.results import Attempt, QRCode, Reading

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["show_views", "to_html"]

# Longer side in pixels of a result's picture, and of each picture on a contact sheet.
_THUMBNAIL, _CELL = 640, 240
_GAP, _LINE = 8, 16
# Longer lists of attempts are folded.
_FOLDED = 8
# Characters of a payload and of an error that are shown.
_MOST_TEXT, _MOST_ERROR = 200, 400
_GREEN, _AMBER, _BAR = "#00aa3c", "#b97f00", "#7aa7d9"


def to_html(result: Reading) -> str:
    """Return a result as HTML: the picture with what was found, the codes, and the timed attempts."""
    return f'<div style="max-width:{_THUMBNAIL}px">{"".join(_render_parts(result))}</div>'


def _render_parts(result: Reading) -> Iterator[str]:
    width, height = result.size
    page = "" if result.page is None else f", page {result.page}"
    said = f"{len(result.codes)} read, {len(result.regions)} located and not read"
    yield f"<div>{said}; {width}x{height}{page}, {result.elapsed_s * 1000:.0f} ms</div>"
    yield from (f"<div>note: {escape(note)}</div>" for note in result.notes)
    # A picture that a worker process could not decode has no size; do not risk decoding it here.
    if result.picture is not None and all(result.size):
        picture = to_data_uri(draw(result), _THUMBNAIL)
        yield f'<img alt="what was read and located" src="{picture}">'
    yield "".join(_render_code(code) for code in result.codes)
    for region in result.regions:
        x, y = region.quad.center
        where = f"around ({x:.0f}, {y:.0f}), {region.quad.side:.0f} pixels wide"
        yield f'<div style="color:{_AMBER}">&#9632; not read: {where}, by {escape(region.source)}</div>'
    yield _render_attempts(result.attempts)


def _render_code(code: QRCode) -> str:
    refused = "" if code.accepted else ", not accepted"
    detail = f"confidence {code.confidence:.3f}, {code.strategy} {code.step}{refused}"
    text = f"<code>{_escape_text(code.text, _MOST_TEXT)}</code>"
    return f'<div style="color:{_GREEN}">&#9632; {text} <small>{escape(detail)}</small></div>'


def _render_attempts(attempts: tuple[Attempt, ...]) -> str:
    longest = max((attempt.elapsed_s for attempt in attempts), default=0.0)
    rows = "".join(
        _render_row(attempt, attempt.elapsed_s / longest if longest else 0.0) for attempt in attempts
    )
    head = "".join(f"<th>{name}</th>" for name in ("tier", "step", "read", "located", "ms", ""))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    opened = "" if len(attempts) > _FOLDED else " open"
    return f"<details{opened}><summary>{words.count(len(attempts), 'attempt')}</summary>{table}</details>"


def _render_row(attempt: Attempt, share: float) -> str:
    bar = f'<div style="background:{_BAR};height:0.7em;width:{100 * share:.0f}px"></div>'
    cells = [
        escape(attempt.strategy),
        escape(attempt.step),
        str(attempt.found),
        str(len(attempt.regions)),
        f"{attempt.elapsed_s * 1000:.1f}",
        bar if attempt.error is None else _escape_text(attempt.error, _MOST_ERROR),
    ]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _escape_text(text: str, most: int) -> str:
    """Shorten a text, spell out what is not printable, and escape it for HTML."""
    cut = text if len(text) <= most else text[:most] + "…"
    return escape(words.escape(cut, backslash=False))


def show_views(source: Source, views: Collection[str] = NAMES) -> Image:
    """Make a contact sheet of a picture through several views, each labelled with its name and size.

    Parameters
    ----------
    source : path, bytes, binary file, PIL.Image.Image, ndarray or Frame
        As for `Frame.load`.
    views : collection of str
        Names from `qrcascade.views.NAMES`, or several joined by "+": "x2+unsharp". By default all.

    Returns
    -------
    PIL.Image.Image
        RGB, in rows from the top left. Each picture is reduced to 240 pixels; none is enlarged.

    Raises
    ------
    ImageError
        If the source is not a readable picture.
    OptionError
        If no view is given, or a name is unknown.
    """
    from PIL import Image, ImageDraw, ImageFont

    names = [views] if isinstance(views, str) else list(views)
    if not names:
        raise OptionError("show_views needs at least one view")
    frame = Frame.load(source)
    pictures, labels = zip(*(_render_view(frame, name) for name in names), strict=True)
    across = math.ceil(math.sqrt(len(names)))
    down = math.ceil(len(names) / across)
    wide, high = (max(picture.size[i] for picture in pictures) + _GAP for i in (0, 1))
    wide = max(wide, _CELL)
    sheet = Image.new("RGB", (across * wide + _GAP, down * (high + _LINE) + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for i, (label, picture) in enumerate(zip(labels, pictures, strict=True)):
        left, top = _GAP + i % across * wide, _GAP + i // across * (high + _LINE)
        sheet.paste(picture, (left, top))
        draw.text((left, top + picture.size[1]), label, "black", font)
    return sheet


def _render_view(frame: Frame, name: str) -> tuple[Image, str]:
    """Return what a view shows, reduced to a cell of the sheet, with its label."""
    from PIL import Image

    try:
        look = view(name)
    except (KeyError, AttributeError) as error:
        known = f"{', '.join(NAMES)}, or several of them joined by +"
        raise OptionError(f"there is no view {name!r}; views are {known}") from error
    seen = look(frame)
    image = Image.fromarray(seen.gray).convert("RGB")
    image.thumbnail((_CELL, _CELL))
    return image, f"{name}  {seen.size[0]}x{seen.size[1]}"
