"""A tier that looks at one colour channel with zxing-cpp."""

from collections.abc import Iterator

import qrcascade


class Channel:
    """Reads red, green or blue alone: a code may show there that gray does not show.

    Red print on green paper is one gray, and a blue stamp over a black code vanishes in the blue.
    """

    def __init__(self, channel: int) -> None:
        self.channel = channel
        self.name = ("red", "green", "blue")[channel]

    def steps(self, _scan: qrcascade.Scan) -> Iterator[qrcascade.Step]:
        """Plan one step."""
        yield qrcascade.Step.call(f"zxing {self.name}", self._read)

    def _read(self, frame: qrcascade.Frame) -> qrcascade.Findings:
        """Read the channel: the same pixels' places, so corners need no mapping."""
        if not frame.is_colored:
            return qrcascade.Findings()
        alone = qrcascade.Frame(frame.color[:, :, self.channel])
        found = qrcascade.Cascade([qrcascade.ClassicalStrategy(["zxing raw"])]).read(alone)
        return qrcascade.Findings(found.codes, found.regions)
