"""Bit streams built by hand and by segno, against what the zxing engine reads in the same symbols."""

from __future__ import annotations

import numpy as np
import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qrcascade import Part
from qrcascade.engines.zxing import ZXingEngine
from qrcascade.symbology import layout as grid
from qrcascade.symbology import reedsolomon
from qrcascade.symbology.information import FORMAT_WORDS, VERSION_WORDS
from qrcascade.symbology.segments import Payload, parse
from tests import draw
from tests.rows import slowly

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# Versions of the three groups of Table 3, with character count bits of numeric, ..., kanji mode.
COUNTS = {3: (10, 9, 8, 8), 12: (12, 11, 16, 10), 28: (14, 13, 16, 12)}
FNC1_FIRST = "0101"


def numeric(digits: str, version: int = 3) -> str:
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    return f"0001{len(digits):0{COUNTS[version][0]}b}" + "".join(
        f"{int(group):0{1 + 3 * len(group)}b}" for group in groups
    )


def alphanumeric(text: str, version: int = 3) -> str:
    values = [ALPHANUMERIC.index(c) for c in text]
    pairs = [f"{a * 45 + b:011b}" for a, b in zip(values[::2], values[1::2], strict=False)]
    last = [f"{values[-1]:06b}"] if len(values) % 2 else []
    return f"0010{len(text):0{COUNTS[version][1]}b}" + "".join(pairs + last)


def byte(data: bytes, version: int = 3) -> str:
    return f"0100{len(data):0{COUNTS[version][2]}b}" + "".join(f"{b:08b}" for b in data)


def kanji(text: str, version: int = 3) -> str:
    bits = f"1000{len(text):0{COUNTS[version][3]}b}"
    for character in text:
        code = int.from_bytes(character.encode("shift_jis"), "big")
        code -= 0x8140 if code < 0xA000 else 0xC140
        bits += f"{(code >> 8) * 0xC0 + (code & 0xFF):013b}"
    return bits


def hanzi(text: str, version: int = 3) -> str:
    bits = f"11010001{len(text):0{COUNTS[version][3]}b}"
    for character in text:
        code = int.from_bytes(character.encode("gb2312"), "big")
        code -= 0xA1A1 if code < 0xB000 else 0xA6A1
        bits += f"{(code >> 8) * 0x60 + (code & 0xFF):013b}"
    return bits


def eci(number: int) -> str:
    if number < 1 << 7:
        return f"0111{number:08b}"
    return f"011110{number:014b}" if number < 1 << 14 else f"0111110{number:021b}"


def fnc1_second(indicator: int) -> str:
    return f"1001{indicator:08b}"


def append(index: int, count: int) -> str:
    return f"0011{index:04b}{count - 1:04b}{0x5A:08b}"


def stream(bits: str, version: int = 3, level: str = "L", padding: bytes = b"\xec\x11") -> bytes:
    """The data codewords of a symbol: terminated, filled up and padded."""
    room = sum(inner for _, inner in grid.blocks(version, level))
    bits += "0" * min(4, 8 * room - len(bits))
    bits += "0" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return data + (padding * room)[: room - len(data)]


def drawn(codewords: bytes, version: int = 3, level: str = "L", mask: int = 5) -> NDArray[np.uint8]:
    """A picture of the symbol with these data codewords."""
    places = grid.layout(version)
    block, position = grid.interleaving(version, level)
    placed = np.zeros(len(block), np.uint8)
    start = 0
    for i, (total, inner) in enumerate(grid.blocks(version, level)):
        data = np.frombuffer(codewords[start : start + inner], np.uint8)[None]
        placed[block == i] = reedsolomon.encode(data, total - inner)[0][position[block == i]]
        start += inner
    dark = np.zeros((places.size, places.size), bool)
    dark[tuple(places.order.T)] = np.unpackbits(placed)
    dark ^= grid.data_mask(mask, places.size) & ~places.function
    dark |= places.pattern > 0
    for cells in places.format_cells:
        dark[tuple(cells.T)] = FORMAT_WORDS[grid.LEVELS.index(level) * 8 + mask] > 0
    for cells in places.version_cells:
        dark[tuple(cells.T)] = VERSION_WORDS[version - 7] > 0
    page = np.where(np.pad(dark, draw.QUIET), 0, 255).astype(np.uint8)
    return np.kron(page, np.ones((4, 4), np.uint8))


def as_zxing_reads(gray: NDArray[np.uint8]) -> tuple[bytes, str]:
    """What the engine returns; its bytes and identifier are zxing-cpp's own, its text our parser's."""
    codes = ZXingEngine().read(gray, frozenset({"QRCode"})).codes
    assert len(codes) == 1
    assert codes[0].data is not None
    assert codes[0].mirrored is False, "our parser does not read what zxing-cpp does"
    return codes[0].data, codes[0].text


def as_zxing_decodes(gray: NDArray[np.uint8]) -> tuple[str, str]:
    """Its own text and symbology identifier."""
    zxingcpp = pytest.importorskip("zxingcpp")
    plain, protocol = (
        zxingcpp.read_barcodes(gray, formats=zxingcpp.BarcodeFormat.QRCodeModel2, text_mode=mode)[0].text
        for mode in (zxingcpp.TextMode.Plain, zxingcpp.TextMode.HexECI)
    )
    return plain, bytes.fromhex(protocol)[:3].decode()


@pytest.mark.parametrize("version", [3, *slowly(12, 28)])
def test_modes_as_zxing_reads_them(version: int) -> None:
    v = version
    streams = [
        *(numeric("1029384756"[:n], v) for n in range(1, 8)),
        numeric("007", v) + numeric("00", v) + numeric("0", v),
        *(alphanumeric("HTTP://%%A 9"[:n], v) for n in range(1, 13)),
        byte(b"plain \x00\x1d\\", v),
        byte("Grüße".encode(), v) + numeric("12", v) + byte("Grüße".encode()[:3], v),
        byte("Grüße".encode("latin-1"), v),
        kanji("点茗漢字", v),
        kanji("点", v) + alphanumeric("A%%B", v) + byte(b"yen", v),
        hanzi("汉字啊", v),
        byte(b"SUB:", v) + hanzi("阿、", v) + numeric("12", v),
        hanzi("汉", v) + byte("é".encode(), v),
        hanzi("汉", v) + kanji("点", v),
    ]
    for bits in streams:
        codewords = stream(bits, version)
        payload = parse(codewords, version)
        assert (payload.data, payload.text) == as_zxing_reads(drawn(codewords, version)), bits
        assert payload.padding[0] == payload.padding[1]
        assert payload.zero_terminated


@pytest.mark.parametrize(
    ("bits", "data"),
    [
        (FNC1_FIRST + alphanumeric("01A%B%%C"), b"01A\x1dB%C"),
        (FNC1_FIRST + alphanumeric("A%%%B"), b"A%\x1dB"),
        (FNC1_FIRST + alphanumeric("A%") + alphanumeric("%B"), b"A\x1d\x1dB"),
        (FNC1_FIRST + byte(b"01\x1dx%%"), b"01\x1dx%%"),
        (alphanumeric("A%B") + FNC1_FIRST + alphanumeric("C%D"), b"A%BC\x1dD"),
        (eci(26) + FNC1_FIRST + alphanumeric("A%"), b"A\x1d"),
        (fnc1_second(7) + alphanumeric("A%B"), b"07A\x1dB"),
        (fnc1_second(ord("z") + 100) + byte(b"xy"), b"zxy"),
        (append(0, 2) + byte(b"first of two"), b"first of two"),
        (append(15, 16) + numeric("16"), b"16"),
        (eci(26) + byte("Grüße".encode()[:3]) + byte("Grüße".encode()[3:]), "Grüße".encode()),
        (eci(9) + byte(b"\xe1") + numeric("5") + eci(22) + byte(b"\xd1"), b"\xe15\xd1"),
        # Before the first ECI the default one holds, not the guess for symbols without.
        (byte("é".encode()) + eci(9) + byte(b"\xe1"), b"\xc3\xa9\xe1"),
        (eci(26) + byte("é".encode()) + kanji("点"), b"\xc3\xa9\x93_"),
        (eci(29) + hanzi("汉"), b"\xba\xba"),
        (eci(899) + byte(b"\xff\\x"), b"\xff\\x"),
        (eci(123_456) + byte(b"ab"), b"ab"),
        (eci(999_999) + byte(b"ab"), b"ab"),
        (byte(b"") + byte(b"a"), b"a"),
    ],
)
def test_fnc1_eci_and_structured_append_as_zxing_reads_them(bits: str, data: bytes) -> None:
    payload = parse(stream(bits), 3)
    assert payload.data == data
    assert (payload.data, payload.text) == as_zxing_reads(drawn(stream(bits)))


@pytest.mark.parametrize("version", [12, *slowly(3, 28)])
@pytest.mark.parametrize(
    ("parts", "text", "charset", "source"),
    [
        ("k:請求書 b:_Z u:ürich", "請求書 Zürich", "Shift_JIS+UTF-8", "inferred"),
        ("k:請求書 b:_Z l:ürich", "請求書 Zürich", "Shift_JIS+ISO-8859-1", "inferred"),
        ("h:发票 u:_€", "发票 €", "GB18030+UTF-8", "inferred"),
        ("h:发票 n:12 k:点", "发票12点", "GB18030+Shift_JIS", "mode"),
        ("u:é k:点 u:é h:汉", "é点é汉", "UTF-8+Shift_JIS+GB18030", "inferred"),
        ("e:9 g:αβ e:26 u:é", "αβé", "ISO-8859-7+UTF-8", "eci"),
        ("k:点 n:5", "点5", "Shift_JIS", "mode"),
        ("n:5 a:AB", "5AB", "US-ASCII", "default"),
    ],
)
def test_text_follows_the_segments(parts: str, text: str, charset: str, source: str, version: int) -> None:
    encodings = {"u": "utf-8", "l": "latin-1", "g": "iso8859-7", "b": "ascii"}
    bits = ""
    for part in parts.split():
        kind, said = part.replace("_", " ").split(":")
        if kind in encodings:
            bits += byte(said.encode(encodings[kind]), version)
        elif kind == "e":
            bits += eci(int(said))
        else:
            write = {"k": kanji, "h": hanzi, "n": numeric, "a": alphanumeric}[kind]
            bits += write(said, version)
    codewords = stream(bits, version)
    payload = parse(codewords, version)
    assert (payload.text, payload.charset, payload.charset_source) == (text, charset, source)
    assert as_zxing_decodes(drawn(codewords, version)) == (text, payload.identifier)
    assert as_zxing_reads(drawn(codewords, version)) == (payload.data, text)


def test_kanji_mode_under_an_eci_of_utf_8() -> None:
    """Its own characters, unless all of it is UTF-8 that an encoder packed in that mode."""
    payload = parse(stream(eci(26) + byte("é".encode()) + kanji("点")), 3)
    assert (payload.text, payload.charset, payload.charset_source) == ("é点", "UTF-8+Shift_JIS", "mode")
    bits = eci(26) + byte("é".encode()) + kanji(b"\xe3\x81".decode("shift_jis")) + byte(b"\x82")
    payload = parse(stream(bits), 3)
    assert (payload.text, payload.charset_source) == ("éあ", "eci")


@pytest.mark.parametrize(
    ("bits", "identifier"),
    [
        (byte(b"plain"), "]Q1"),
        (eci(26) + byte(b"plain"), "]Q2"),
        (FNC1_FIRST + numeric("0104912345123459"), "]Q3"),
        (FNC1_FIRST + eci(26) + byte(b"plain"), "]Q4"),
        (fnc1_second(12) + alphanumeric("A%B"), "]Q5"),
        (fnc1_second(12) + eci(26) + byte(b"plain"), "]Q6"),
    ],
)
def test_symbology_identifiers(bits: str, identifier: str) -> None:
    assert parse(stream(bits), 3).identifier == identifier
    assert as_zxing_decodes(drawn(stream(bits)))[1] == identifier


def test_structured_append_is_reported() -> None:
    payload = parse(stream(append(2, 5) + byte(b"third of five")), 3)
    assert payload.part == Part(3, 5, 0x5A)
    assert parse(stream(byte(b"alone")), 3).part is None


@pytest.mark.parametrize(
    "symbol",
    [
        segno.make("314159265358979", micro=False),
        segno.make("HTTPS://EXAMPLE.ORG/%20", micro=False),
        segno.make("Grüße, 点", encoding="utf-8", micro=False),
        segno.make("Größe", encoding="latin-1", micro=False),
        segno.make("αβγ", encoding="iso-8859-7", eci=True, micro=False),
        segno.make("点茗", mode="kanji", micro=False),
        segno.make("汉字", mode="hanzi", micro=False),
        segno.make(["ABC", "1234", "x;y", "点"], micro=False),  # type: ignore[arg-type]
        *segno.make_sequence("in two parts, one after the other", symbol_count=2),
    ],
)
def test_symbols_of_segno_as_zxing_reads_them(symbol: segno.QRCode) -> None:
    version, level = int(symbol.version), str(symbol.error)
    places = grid.layout(version)
    dark = np.array([list(row) for row in symbol.matrix]) ^ grid.data_mask(symbol.mask, places.size)
    placed = np.packbits(dark[tuple(places.order.T)])
    block, position = grid.interleaving(version, level)
    data = b""
    for i, (_, inner) in enumerate(grid.blocks(version, level)):
        data += bytes(placed[(block == i) & (position < inner)].tolist())
    payload = parse(data, version)
    assert (payload.data, payload.text) == as_zxing_reads(draw.drawn(symbol, 4)[0])


@pytest.mark.parametrize(
    ("bits", "problem"),
    [
        ("", "no data"),
        (byte(b""), "no data"),
        (eci(26), "no data"),
        (FNC1_FIRST, "no data"),
        ("0110" + "0" * 40, "reserved mode 6"),
        (byte(b"a") + "1111" + "0" * 40, "reserved mode 15"),
        (f"0001{3:010b}{1000:010b}", "less than 1000"),
        (f"0001{2:010b}{100:07b}", "less than 100"),
        (f"0001{1:010b}{10:04b}", "less than 10"),
        (f"0010{2:09b}{45 * 45:011b}", "less than 2025"),
        (f"0010{1:09b}{45:06b}", "less than 45"),
        (f"1000{1:08b}{0x3F:013b}", "no such character"),
        (f"1000{1:08b}{0xBF:013b}", "no such character"),
        (f"11010001{1:08b}{0x5E:013b}", "no such character"),
        (f"11010001{1:08b}{0x1FFF:013b}", "no such character"),
        (f"11010010{1:08b}{0:013b}", "no such subset"),
        (f"0111110{1_000_000:021b}" + byte(b"a"), "no such ECI"),
        ("011111100000" + byte(b"a"), "no such ECI"),
        (append(2, 2) + byte(b"a"), "no such symbol"),
        (byte(b"a") + fnc1_second(7) + byte(b"b"), "second position after data"),
        (fnc1_second(150) + byte(b"b"), "no such application indicator"),
        (fnc1_second(100) + byte(b"b"), "no such application indicator"),
        ("0100" + f"{200:08b}" + "0" * 80, "past the end"),
    ],
)
def test_invalid_streams(bits: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(stream(bits), 3)


def test_the_end() -> None:
    """Room for 55 data codewords in version 3-L, of which header and terminator take 16 bits."""
    full = byte(b"x" * 53)
    assert parse(stream(full), 3).padding == (0, 0)
    assert parse(stream(byte(b"x" * 50)), 3).padding == (3, 3)
    with pytest.raises(ValueError, match="cuts off"):
        parse(stream(full + numeric("1")[:4]), 3)


@pytest.mark.parametrize("left", [1, 2, 3])
def test_a_terminator_cut_short_is_zero(left: int) -> None:
    streams = [numeric("1" * n) + alphanumeric("A") for n in range(1, 60)]
    bits = next(bits for bits in streams if -len(bits) % 8 == left)
    size = (len(bits) + left) // 8
    number = int(bits, 2) << left
    assert parse(number.to_bytes(size, "big"), 3).zero_terminated
    with pytest.raises(ValueError, match="cuts off"):
        parse((number | 1).to_bytes(size, "big"), 3)


def test_irregular_ends() -> None:
    regular = stream(byte(b"payload"))
    assert parse(regular, 3).padding == (46, 46)
    zero_first = stream(byte(b"payload"), padding=b"\xec\x11")[:9] + (b"\0" + b"\xec\x11" * 23)[:46]
    assert parse(zero_first, 3).padding == (45, 45)
    zeros = parse(stream(byte(b"payload"), padding=b"\0"), 3)
    assert zeros.padding == (0, 45)
    assert zeros.data == b"payload"
    filled = bytearray(stream(alphanumeric("AB")))
    assert parse(bytes(filled), 3).zero_terminated
    filled[3] |= 1
    assert not parse(bytes(filled), 3).zero_terminated


@given(st.binary(max_size=60), st.integers(1, 40))
def test_any_bytes_are_a_payload_or_refused(codewords: bytes, version: int) -> None:
    try:
        payload = parse(codewords, version)
    except ValueError:
        return
    assert isinstance(payload, Payload)
    assert payload.data
    assert 0 <= payload.padding[0] <= payload.padding[1] <= len(codewords)
