"""`carillon.kit.xml`: JSON's values as XML and back."""

from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.kit.xml import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_MEMBER_CHARACTERS,
    MAX_TAG_BYTES,
    XmlError,
    read_xml,
    read_xml_member,
    spell_text,
    write_xml,
)

NAMES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,8}", fullmatch=True)
# What XML can carry, but for what it changes on the way: white space alone, which reads as an empty text.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), min_size=1).filter(
    lambda text: not text.isspace()
)
# An item alone reads as the item itself, so a list has two; an empty object and None read as an empty text.
VALUES = st.recursive(
    TEXTS,
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, min_size=2, max_size=4), min_size=1, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_written_reads_back(value: object) -> None:
    assert read_xml(write_xml("Root", value)) == value


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (b"<R/>", ""),
        (b"<R> \n </R>", ""),
        (b"<R>text</R>", "text"),
        (b"<R><a/><b> x </b></R>", {"a": "", "b": " x "}),
        (b"<R><a>1</a><a>2</a></R>", {"a": ["1", "2"]}),
        (b"<R><a><b>1</b></a><a>2</a><a/></R>", {"a": [{"b": "1"}, "2", ""]}),
        (b"<R>dropped<a>1</a>dropped</R>", {"a": "1"}),
        (b"<R a='1' b='2'><!-- no --><?no no?><c>3</c></R>", {"c": "3"}),
        (b"<n:R xmlns:n='urn:x'><n:a>1</n:a></n:R>", {"a": "1"}),
        (b"<R xmlns:xsi='urn:x'><a xsi:nil='true'/><b xsi:nil='false'/></R>", {"a": None, "b": ""}),
        (b"<R><a><![CDATA[<&>]]></a><b>&lt;&amp;&#65;&#x5d0;</b></R>", {"a": "<&>", "b": "<&A\u05d0"}),
        (b"<?xml version='1.0' encoding='windows-1255'?><R>\xf9\xec\xe5\xed</R>", "\u05e9\u05dc\u05d5\u05dd"),
        ("<R>\u05e9</R>".encode("utf-16"), "\u05e9"),
    ],
)
def test_documents_are_read(document: bytes, value: object) -> None:
    assert read_xml(document) == value


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (b"", "no element found"),
        (b"<R>", "no element found"),
        (b"<R></S>", "mismatched tag"),
        (b"<R/><R/>", "junk after document element"),
        (b"<R>&nbsp;</R>", "undefined entity"),
        (b"<R>\x00</R>", "not well-formed"),
        (b"<?xml version='1.0' encoding='klingon'?><R/>", "encoding that it declares"),
        (b"<?xml version='1.0' encoding='big5'?><R>\xa4\xa4</R>", "encoding that it declares"),
        (b"<!DOCTYPE R><R/>", "document type declaration"),
        (b"<!DOCTYPE R SYSTEM 'file:///etc/passwd'><R/>", "document type declaration"),
        (b"<!DOCTYPE R [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><R>&b;</R>", "document type declaration"),
        (b"<!DOCTYPE R [<!ENTITY % x SYSTEM 'http://192.0.2.1/'>%x;]><R/>", "document type declaration"),
        (b"<a>" * (MAX_DEPTH + 1), "nested"),
        (b"<a>" * 100_000, "nested"),
        (b"<R>" + b"<a/>" * MAX_ELEMENTS + b"</R>", "more than 500000 elements"),
        (b"<R " + b" ".join(b'a%d=""' % n for n in range(MAX_ATTRIBUTES + 1)) + b"/>", "more than 100 attributes"),
        (b"<R " + b" ".join(b'a%d=">"' % n for n in range(50_000)) + b"/>", "longer than 65536 bytes"),
        (b"<R><!--" + b"c" * 2 * MAX_TAG_BYTES + b"--></R>", "longer than 65536 bytes"),
    ],
)
def test_what_is_not_accepted_is_refused_with_its_reason(document: bytes, why: str) -> None:
    with pytest.raises(XmlError, match=why):
        read_xml(document)


def test_the_greatest_depth_is_read() -> None:
    document = b"<a>" * MAX_DEPTH + b"</a>" * MAX_DEPTH
    assert read_xml(document) is not None


def test_values_are_spelt_as_in_json() -> None:
    value = {"t": True, "f": False, "i": 5, "d": 2.5, "n": None, "e": "", "none": [], "l": [1, {"a": 2}]}
    assert write_xml("R", value).decode().partition("?>")[2] == (
        "<R><t>true</t><f>false</f><i>5</i><d>2.5</d><n/><e/><l>1</l><l><a>2</a></l></R>"
    )


def test_what_xml_cannot_carry_becomes_a_replacement_character() -> None:
    written = write_xml("R", "a\x00\x0b\ud800\uffff\r\n<&>]]>")
    assert read_xml(written) == "a\ufffd\ufffd\ufffd\ufffd\r\n<&>]]>"


@pytest.mark.parametrize("text", ["t" * 1_000_000, "é" * 300_000, "\n" * 200_000 + "x"])
def test_a_long_text_is_read(text: str) -> None:
    assert read_xml(f"<R><a>{text}</a><b><![CDATA[{text}]]></b></R>".encode()) == {"a": text, "b": text}


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (b"<R><Auth><U>x</U></Auth><Data/></R>", {"U": "x"}),
        (b"<R><Data><Auth>inner</Auth></Data><AUTH>outer</AUTH></R>", "outer"),
        (b"<R><s:auth>x</s:auth></R>", "x"),
        (b"<R><Data/></R>", None),
        (b"<R/>", None),
        (b"<R><Auth>x</Auth> and then <no XML", "x"),
    ],
)
def test_a_member_is_read_without_the_rest(document: bytes, found: object) -> None:
    assert read_xml_member(document, "Auth") == found


@pytest.mark.parametrize(
    "document",
    [
        b"<R><Auth>" + b"x" * (MAX_MEMBER_CHARACTERS + 1) + b"</Auth></R>",
        b"<R>" + b"<a/>" * MAX_ELEMENTS + b"<Auth/></R>",
        b"<R><Data>" + b"<a>" * MAX_DEPTH,
        b"<R><Auth>",
        b"<!DOCTYPE R><R/>",
    ],
)
def test_looking_for_a_member_has_the_limits_too(document: bytes) -> None:
    with pytest.raises(XmlError):
        read_xml_member(document, "Auth")


@given(st.text())
def test_a_spelt_text_is_read_back_from_an_element_and_from_either_attribute(text: str) -> None:
    spelt = spell_text(text)
    attributes: dict[str, str] = {}
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _name, found: attributes.update(found)
    parts: list[str] = []
    parser.CharacterDataHandler = parts.append
    parser.Parse(f"<a b=\"{spelt}\" c='{spelt}'>{spelt}</a>".encode(), True)  # noqa: FBT003 - the C function takes no keyword
    assert attributes["b"] == attributes["c"] == "".join(parts)
    assert len("".join(parts)) == len(text)
    if all(one.isprintable() or one in "\t\r\n" for one in text):
        assert "".join(parts) == text
