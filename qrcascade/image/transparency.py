"""Put a transparent picture on a background against which it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

__all__ = ["flatten"]

# Gray levels from which something shows over white, as the page that a picture is made for mostly is.
_SHOWS = 32


def flatten(image: PILImage) -> PILImage:
    """Return a picture with transparency as RGB: over white, or as it shows most if that shows nothing.

    White modules show over black, as they do in the alpha channel. Where transparency hides everything, as
    in arrays whose fourth channel was never set, the colours are taken alone.
    """
    rgba = image.convert("RGBA")
    if rgba.getchannel("A").getextrema() == (255, 255):
        return rgba.convert("RGB")
    over_white = _lay_over(rgba, "white")
    if _measure_contrast(over_white) >= _SHOWS:
        return over_white
    return max(over_white, _lay_over(rgba, "black"), rgba.convert("RGB"), key=_measure_contrast)


def _lay_over(rgba: PILImage, ground: str) -> PILImage:
    under = Image.new("RGBA", rgba.size, ground)
    under.alpha_composite(rgba)
    return under.convert("RGB")


def _measure_contrast(image: PILImage) -> int:
    """Return the difference between the lightest and the darkest gray level."""
    darkest, lightest = image.convert("L").getextrema()
    return int(lightest - darkest)  # type: ignore[operator]
