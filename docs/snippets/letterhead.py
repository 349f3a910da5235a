"""A tier that knows where on a page the code is, and lets others read it there."""

from collections.abc import Iterator

import qrcascade


class Letterhead:
    """Locates what our invoices have at their lower left, where nothing is read yet."""

    name = "letterhead"

    def attempts(self, scan: qrcascade.Scan) -> Iterator[qrcascade.Attempt]:
        """One attempt, with a region: the tiers that come after this one read it."""
        if scan.codes:
            return
        width, height = scan.frame.size
        left, top, side = 0.06 * width, 0.80 * height, 0.19 * width
        quad = qrcascade.Quad.of(
            [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
        )
        region = qrcascade.Region(quad, 0.8, self.name)
        yield qrcascade.Attempt(self.name, "known place", regions=(region,))


cascade = qrcascade.Cascade([qrcascade.ClassicalStrategy(), Letterhead(), qrcascade.GridStrategy()])
