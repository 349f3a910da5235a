"""A tier that knows where the code is on a page, and lets other tiers read it."""

from collections.abc import Iterator

import qrcascade


class Letterhead:
    """Locate the code at the lower left of our invoices, if nothing has been read yet."""

    name = "letterhead"

    def steps(self, scan: qrcascade.Scan) -> Iterator[qrcascade.Step]:
        """Plan one step, which locates a region for later tiers to read."""
        if not scan.codes:
            yield qrcascade.Step.call("known place", locate)


def locate(frame: qrcascade.Frame) -> qrcascade.Findings:
    """Return the square where the code is printed, in pixels of the page."""
    width, height = frame.size
    left, top, side = 0.06 * width, 0.80 * height, 0.19 * width
    quad = qrcascade.Quad.of([(left, top), (left + side, top), (left + side, top + side), (left, top + side)])
    return qrcascade.Findings(regions=(qrcascade.Region(quad, 0.8, "letterhead"),))


cascade = qrcascade.Cascade([qrcascade.ClassicalStrategy(), Letterhead(), qrcascade.GridStrategy()])
