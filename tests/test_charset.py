from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qrcascade.symbology import charset
from tests import texts


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
        ((None, "BCD\n002\n3\nSCT\n\nŽiga Černe".encode("iso8859_2")), "BCD\n002\n3\nSCT\n\nŽiga Černe"),
        ((None, "BCD\r\n001\r\n8\r\nSCT\r\n10 €".encode("iso8859_15")), "BCD\r\n001\r\n8\r\nSCT\r\n10 €"),
        # A payload in UTF-8 whose beginning says something else.
        ((None, "ST00011|Name=ООО «Свет»".encode()), "ST00011|Name=ООО «Свет»"),
        # An ECI that lies, or that nobody knows, falls through to the rule for none.
        ((26, "Größe".encode("latin-1")), "Größe"),
        ((899, "Größe".encode()), "Größe"),
    ],
)
def test_decode(stretch: tuple[int | None, bytes], text: str) -> None:
    assert charset.decode([stretch]).text == text


@given(st.text())
def test_utf8_survives_with_and_without_eci(text: str) -> None:
    assert charset.decode([(None, text.encode())]).text == text
    assert charset.decode([(26, text.encode())]).text == text


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 999_999)), st.binary(max_size=20)), max_size=4))
def test_decode_takes_any_bytes(stretches: list[tuple[int | None, bytes]]) -> None:
    assert isinstance(charset.decode(stretches).text, str)


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


@pytest.mark.parametrize(
    ("stretches", "name", "source"),
    [
        ([], "US-ASCII", "default"),
        ([(None, b"plain")], "US-ASCII", "default"),
        ([(26, b"plain")], "UTF-8", "eci"),
        ([(4, b"\xa9")], "ISO-8859-2", "eci"),
        ([(24, b"\xc7")], "windows-1256", "eci"),
        ([(None, "Größe".encode())], "UTF-8", "inferred"),
        ([(None, "Größe".encode("latin-1"))], "ISO-8859-1", "inferred"),
        ([(None, "5 €".encode("cp1252"))], "windows-1252", "inferred"),
        ([(None, "ST00012|Ж".encode())], "UTF-8", "payload"),
        ([(None, "ST00013|Ж".encode("koi8_r"))], "KOI8-R", "payload"),
        # It says that it is something else.
        ([(None, "ST00013|Ж".encode())], "UTF-8", "inferred"),
        ([(26, "Größe".encode("latin-1"))], "ISO-8859-1", "inferred"),
        ([(charset.KANJI, b"\x93\x5f"), (None, b" 12")], "Shift_JIS", "mode"),
        ([(charset.KANJI, b"\x93\x5f"), (None, b"\xc3\xbc")], "Shift_JIS+UTF-8", "inferred"),
        ([(charset.HANZI, b"\xb7\xa2"), (9, b"\xe1")], "GB18030+ISO-8859-7", "mode"),
        ([(None, "영수증".encode("cp949"))], "EUC-KR", "inferred"),
    ],
)
def test_the_character_set_and_how_it_is_known(
    stretches: list[charset.Stretch], name: str, source: str
) -> None:
    assert charset.decode(stretches)[1:] == (name, source)


def test_bytes_around_another_mode_are_in_one_set() -> None:
    parts = [(None, "ü".encode("latin-1")), (charset.KANJI, b"\x93\x5f"), (None, "ü".encode())]
    assert charset.decode(parts) == ("ü点Ã¼", "ISO-8859-1+Shift_JIS", "inferred")


# How they stand in a payload.
FORMS = ("{}", "NAME={}", "{};123.45", "TEL:03-1234|ORG:{}|AMT=1000")
CODECS = {"simplified": "gb18030", "traditional": "big5", "korean": "cp949"}


@pytest.mark.parametrize(
    ("kind", "known", "unseen"),
    [
        ("western", 1.0, 1.0),
        ("japanese", 1.0, 1.0),
        ("half-width", 0.95, 1.0),
        ("simplified", 0.94, 0.9),
        ("traditional", 0.95, 0.9),
        ("korean", 0.95, 1.0),
    ],
)
def test_texts_without_a_named_set(kind: str, known: float, unseen: float) -> None:
    for table, rate in ((texts.KNOWN, known), (texts.UNSEEN, unseen)):
        payloads = [form.format(text) for text in table[kind].split("|") for form in FORMS]
        right = [decoded(text, kind) == text for text in payloads]
        assert sum(right) >= rate * len(right)
        assert all(charset.decode([(None, text.encode())]).text == text for text in payloads)


def decoded(text: str, kind: str) -> str:
    if kind == "western":
        latin = all(character < "\x80" or "\xa0" <= character <= "\xff" for character in text)
        codec = "latin-1" if latin else "cp1252"
    else:
        codec = CODECS.get(kind, "cp932")
    return charset.decode([(None, text.encode(codec))]).text


def test_bytes_that_are_no_text_stay_latin_1() -> None:
    assert charset.decode([(None, "发票\x00".encode("gb18030"))]).charset == "ISO-8859-1"


def test_every_codec_exists() -> None:
    for eci in charset._CODECS:
        assert charset.decode([(eci, b"")]).text == ""
