from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade.symbology import charset


@pytest.mark.parametrize(
    ("stretch", "text"),
    [
        ((None, b"plain"), "plain"),
        ((None, b"A\x1dB\x00C\r\n"), "A\x1dB\x00C\r\n"),
        ((None, "Grüße €".encode()), "Grüße €"),
        ((None, "Grüße".encode("latin-1")), "Grüße"),
        ((None, "ÄÖÜÄÖÜ".encode("latin-1")), "ÄÖÜÄÖÜ"),
        ((None, "école".encode("latin-1")), "école"),
        ((None, "点茗".encode("shift_jis")), "点茗"),
        ((None, "カナ漢字".encode("shift_jis")), "カナ漢字"),
        ((None, "*ﾃﾞｻﾞｲﾝQR*".encode("shift_jis")), "*ﾃﾞｻﾞｲﾝQR*"),
        ((None, "ｺｰﾄﾞ".encode("shift_jis")), "ｺｰﾄﾞ"),
        ((None, "ｶｲｼｬ 12".encode("shift_jis")), "ｶｲｼｬ 12"),
        ((None, "«ÀÉ» à 20°".encode("latin-1")), "«ÀÉ» à 20°"),
        ((None, "Preis 5 €".encode("cp1252")), "Preis 5 €"),
        ((None, b"\xff\xfe\x00"), "ÿþ\x00"),
        ((3, "Größe".encode("latin-1")), "Größe"),
        ((9, "αβγ".encode("iso8859_7")), "αβγ"),
        ((20, "漢".encode("shift_jis")), "漢"),
        ((22, "Счёт".encode("cp1251")), "Счёт"),
        ((25, "Größe".encode("utf-16-be")), "Größe"),
        ((26, "Größe".encode()), "Größe"),
        ((28, "發票".encode("big5")), "發票"),
        ((29, "发票".encode("gb18030")), "发票"),
        ((None, "ST00011|Name=ООО «Свет»".encode("cp1251")), "ST00011|Name=ООО «Свет»"),
        ((None, "ST00012|Name=ООО «Свет»".encode()), "ST00012|Name=ООО «Свет»"),
        ((None, "ST00013|Name=ООО Свет".encode("koi8_r")), "ST00013|Name=ООО Свет"),
        ((None, "UPNQR\n\nŽiga Černe, Škofja Loka".encode("iso8859_2")), "UPNQR\n\nŽiga Černe, Škofja Loka"),
        # A payload in UTF-8 whose beginning says something else.
        ((None, "ST00011|Name=ООО «Свет»".encode()), "ST00011|Name=ООО «Свет»"),
        # An ECI that lies, or that nobody knows, falls through to the rule for none.
        ((26, "Größe".encode("latin-1")), "Größe"),
        ((899, "Größe".encode()), "Größe"),
    ],
)
def test_decode(stretch: tuple[int | None, bytes], text: str) -> None:
    assert charset.decode([stretch]) == text


def test_a_hint_tells_of_hanzi_mode_and_of_nothing_else() -> None:
    hanzi = [(None, b"SUB:\xb0\xa2")]
    assert charset.decode(hanzi) == "SUB:°¢"
    assert charset.decode(hanzi, hint="SUB:阿") == "SUB:阿"
    latin = [(None, "ÄÖÜ".encode("latin-1"))]
    assert charset.decode(latin, hint="ﾄﾖﾜ") == "ÄÖÜ"
    assert not charset.is_plain(hanzi)
    assert charset.is_plain([(None, b"ascii"), (9, b"\xe1"), (26, "ü".encode())])


@given(st.text())
def test_utf8_survives_with_and_without_eci(text: str) -> None:
    assert charset.decode([(None, text.encode())]) == text
    assert charset.decode([(26, text.encode())]) == text


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 999_999)), st.binary(max_size=20)), max_size=4))
def test_decode_takes_any_bytes(stretches: list[tuple[int | None, bytes]]) -> None:
    assert isinstance(charset.decode(stretches), str)


@pytest.mark.parametrize(
    ("protocol", "stretches"),
    [
        (b"]Q1plain \\000026", [(None, b"plain \\000026")]),
        (b"]Q2\\000026\xc3\xbc", [(26, b"\xc3\xbc")]),
        (b"]Q2a\\000009\xe1\\000026b", [(None, b"a"), (9, b"\xe1"), (26, b"b")]),
        (b"]Q2\\000026a\\\\b\\\\000003", [(26, b"a\\b\\000003")]),
        (b"]Q1", [(None, b"")]),
    ],
)
def test_split_eci(protocol: bytes, stretches: list[tuple[int | None, bytes]]) -> None:
    assert charset.split_eci(protocol) == stretches


def test_every_codec_exists() -> None:
    for eci in charset._CODECS:
        assert charset.decode([(eci, b"")]) == ""
