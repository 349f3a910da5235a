"""A tier that knows where on a page the code is, and lets others read it there."""

from collections.abc import Iterator

import qrcascade


class Letterhead:
    """Locates what our invoices have at their lower left, where nothing is read yet."""

    name = "letterhead"

    def steps(self, scan: qrcascade.Scan) -> Iterator[qrcascade.Step]:
        """Plan one step, which locates a region: the tiers that come after this one read it."""
        if not scan.codes:
            yield qrcascade.Step.call("known place", locate)


def locate(frame: qrcascade.Frame) -> qrcascade.Findings:
    """Return the square in which the code is printed, in pixels of the page."""
    width, height = frame.size
    left, top, side = 0.06 * width, 0.80 * height, 0.19 * width
    quad = qrcascade.Quad.of([(left, top), (left + side, top), (left + side, top + side), (left, top + side)])
    return qrcascade.Findings(regions=(qrcascade.Region(quad, 0.8, "letterhead"),))


cascade = qrcascade.Cascade([qrcascade.ClassicalStrategy(), Letterhead(), qrcascade.GridStrategy()])
