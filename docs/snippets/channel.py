"""A tier that reads one colour channel with zxing-cpp."""

from collections.abc import Iterator

import qrcascade


class Channel:
    """Read red, green or blue alone, where a code may be visible that is not visible in gray.

    Red print on green paper has the same gray, and a blue stamp over a black code vanishes in blue.
    """

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.name = ("red", "green", "blue")[channel]

    def steps(self, _scan: qrcascade.Scan) -> Iterator[qrcascade.Step]:
        """Plan one step."""
        yield qrcascade.Step.call(f"zxing {self.name}", self._read)

    def _read(self, frame: qrcascade.Frame) -> qrcascade.Findings:
        """Read the channel. Pixels keep their places, so corners need no mapping."""
        if not frame.is_colored:
            return qrcascade.Findings()
        alone = qrcascade.Frame(frame.color[:, :, self.channel])
        found = qrcascade.Cascade([qrcascade.ClassicalStrategy(["zxing raw"])]).read(alone)
        return qrcascade.Findings(found.codes, found.regions)
