"""A tier that looks at one colour channel with zxing-cpp."""

from collections.abc import Iterator
from dataclasses import replace

import qrcascade


class Channel:
    """Reads red, green or blue alone: a code may show there that gray does not show.

    Red print on green paper is one gray, and a blue stamp over a black code vanishes in the blue.
    """

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.name = ("red", "green", "blue")[channel]

    def attempts(self, scan: qrcascade.Scan) -> Iterator[qrcascade.Attempt]:
        """One attempt: the same pixels' places, so corners need no mapping."""
        if not scan.frame.is_colored:
            return
        alone = qrcascade.Frame(scan.frame.color[:, :, self.channel])
        found = qrcascade.Cascade([qrcascade.ClassicalStrategy(["zxing raw"])]).read(alone)
        step = f"zxing {self.name}"
        codes = tuple(replace(code, strategy=self.name, step=step) for code in found.codes)
        yield qrcascade.Attempt(self.name, step, found.elapsed_s, codes, found.regions)
