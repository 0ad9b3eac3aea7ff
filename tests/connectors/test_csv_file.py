"""CSV files as they come: quoted, spaced, damaged, huge, in other encodings, and changing under the reader."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from conf.errors import ReconError
from flows.connectors.base import BrokenRow, SourceChanged, SourceUnreadable
from flows.connectors.csv_file import CsvFile
from tests.connectors.conformance import ConnectorConformance, enumerate_all, read_all

TYPES = {"account": {"properties": {"mail": {}, "sn": {"nativeName": "lastname"}}}}
SAMPLE = (
    '"description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber"\n'
    '"Created by CSV", "bjensen", "bjensen@example.com", "Barbara", "Jensen", "bjensen@example.com", "1234567"\n'
    '"Created by CSV", "scarter", "scarter@example.com", "Steven", "Carter", "scarter@example.com", "1234567"\n'
)


def csv_file(path: Path, content: str | bytes | None = None, types: Any = None, **properties: Any) -> CsvFile:
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CsvFile.open(
        "csvfile",
        {
            "configurationProperties": {"csvFile": str(path), **properties},
            "objectTypes": types or {"account": {}},
        },
        path.parent,
    )


async def broken_rows(connector: CsvFile) -> tuple[list[str], list[BrokenRow], bool]:
    pages = await enumerate_all(connector, "account")
    return (
        [row["_id"] for page in pages for row in page.rows],
        [bad for page in pages for bad in page.broken],
        pages[-1].complete,
    )


class TestCsvFile(ConnectorConformance):
    @pytest.fixture
    def connector(self, tmp_path: Path) -> CsvFile:
        lines = [f"u{number},u{number}@example.com,Name {number}\n" for number in range(10)]
        return csv_file(tmp_path / "people.csv", "uid,mail,lastname\n" + "".join(lines), TYPES)


class TestCsvFileOfTheSampleStyle(ConnectorConformance):
    @pytest.fixture
    def connector(self, tmp_path: Path) -> CsvFile:
        lines = [f'"u{number}@example.com", "u{number}", "Name {number}"\r\n' for number in range(10)]
        return csv_file(tmp_path / "people.csv", '"mail", "uid", "lastname"\r\n' + "".join(lines), TYPES)


class TestCsvFileInUtf16(ConnectorConformance):
    @pytest.fixture
    def connector(self, tmp_path: Path) -> CsvFile:
        lines = [f"u{number};u{number}@example.com;Name {number}\n" for number in range(10)]
        text = "uid;mail;lastname\n" + "".join(lines)
        return csv_file(
            tmp_path / "p.csv", text.encode("utf-16"), TYPES, encoding="utf-16", fieldDelimiter=";"
        )


async def test_the_file_of_the_sample(tmp_path: Path) -> None:
    rows = await read_all(csv_file(tmp_path / "c.csv", SAMPLE), "account")
    assert rows[0] == {
        "_id": "bjensen",
        "description": "Created by CSV",
        "uid": "bjensen",
        "username": "bjensen@example.com",
        "firstname": "Barbara",
        "lastname": "Jensen",
        "email": "bjensen@example.com",
        "mobileTelephoneNumber": "1234567",
    }
    assert [row["_id"] for row in rows] == ["bjensen", "scarter"]


async def test_a_value_with_a_stray_quote_inside_is_read_as_it_stands(tmp_path: Path) -> None:
    rows = await read_all(
        csv_file(tmp_path / "c.csv", '"uid", "mobile..."\n"bjensen", 1234..."\n'), "account"
    )
    assert rows == [{"_id": "bjensen", "uid": "bjensen", "mobile...": '1234..."'}]


@pytest.mark.parametrize(
    ("content", "properties"),
    [
        pytest.param("\ufeffuid,sn\na,Müller\n".encode(), {}, id="byte order mark"),
        pytest.param("uid,sn\r\na,Müller\r\n".encode(), {}, id="CRLF"),
        pytest.param("uid,sn\ra,Müller\r".encode(), {}, id="CR"),
        pytest.param("uid,sn\r\na,Müller".encode(), {}, id="no line end at the end"),
        pytest.param("uid,sn\n\n a , Müller \n\n".encode(), {}, id="blank lines and spaces"),
        pytest.param("uid,sn\na,Müller\n".encode("latin-1"), {"encoding": "iso-8859-1"}, id="Latin-1"),
        pytest.param("uid,sn\na,Müller\n".encode("utf-16-le"), {"encoding": "utf-16-le"}, id="UTF-16 LE"),
        pytest.param(
            "\ufeffuid,sn\na,Müller\n".encode("utf-16-be"), {"encoding": "UTF-16BE"}, id="UTF-16 BE"
        ),
        pytest.param("uid,sn\na,Müller\n".encode("utf-32"), {"encoding": "utf-32"}, id="UTF-32"),
        pytest.param("uid;sn\na;Müller\n".encode(), {"fieldDelimiter": ";"}, id="semicolon"),
        pytest.param(
            "'uid'\t'sn'\n'a'\t'Müller'\n".encode(), {"fieldDelimiter": "\t", "quoteCharacter": "'"}, id="tab"
        ),
        pytest.param("uid,sn,\na,Müller,\n".encode(), {}, id="a column without a name"),
    ],
)
async def test_forms_of_the_same_file(tmp_path: Path, content: bytes, properties: dict[str, str]) -> None:
    types = {"account": {"properties": {"sn": {}}}}
    rows, broken, complete = await broken_rows(csv_file(tmp_path / "c.csv", content, types, **properties))
    assert (rows, broken, complete) == (["a"], [], True)
    found = await csv_file(tmp_path / "c.csv", None, types, **properties).read_many("account", ["a"])
    assert found == {"a": {"_id": "a", "sn": "Müller"}}


async def test_a_value_may_hold_lines_quotes_and_delimiters(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", 'uid,note\na,"one\ntwo, ""three"""\nb,x\n')
    assert [row["note"] for row in await read_all(connector, "account")] == ['one\ntwo, "three"', "x"]


async def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    rows = await read_all(csv_file(tmp_path / "c.csv", 'uid,sn,mail\na,,""\nb, ,m\n'), "account")
    assert rows == [{"_id": "a", "uid": "a"}, {"_id": "b", "uid": "b", "mail": "m"}]


@pytest.mark.parametrize(
    ("bad", "known", "why"),
    [
        pytest.param(b"x,Name", "x", "2 values where the header has 3", id="too few values"),
        pytest.param(b"x,Name,m,more", "x", "4 values where the header has 3", id="too many values"),
        pytest.param(b"x", None, "1 values", id="cut off, perhaps inside the id"),
        pytest.param(b'x,"Name', "x", "unexpected end", id="a quote that is never closed"),
        pytest.param(b'x,"Na"me,m', "x", "expected after", id="a quote closed too early"),
        pytest.param(b'"x"y,Name,m', None, "expected after", id="a damaged id"),
        pytest.param(b"x,\xff\xfe,m", "x", "not utf-8 at byte 3", id="not UTF-8"),
        pytest.param(b"x\xff,Name,m", None, "not utf-8", id="an id that is not UTF-8"),
        pytest.param(b"x,Na\0me,m", "x", "a NUL character", id="NUL"),
        pytest.param(b"x\0,Name,m", None, "a NUL character", id="NUL in the id"),
        pytest.param(b",Name,m", None, "no value for 'uid'", id="no id"),
        pytest.param(
            b"x," + b"n" * (1 << 20) + b",m", "x", "ROW_TOO_LARGE: over 1,048,576 bytes", id="over 1 MB"
        ),
        pytest.param(b"x," + b"n" * (6 << 20), "x", "ROW_TOO_LARGE", id="6 MB"),
        pytest.param(b"x" + b",y" * 1000, "x", "ROW_TOO_LARGE: 1001 values", id="over 1000 values"),
        pytest.param(
            b"a,Name,m", "a", "DUPLICATE_SOURCE_ID: 'a' has a row further up", id="an id met before"
        ),
    ],
)
async def test_a_broken_row_is_told_and_breaks_no_other(
    tmp_path: Path, bad: bytes, known: str | None, why: str
) -> None:
    connector = csv_file(tmp_path / "c.csv", b"uid,sn,mail\na,A,m\nb,B,m\n" + bad + b"\nc,C,m\nd,D,m\n")
    rows, broken, complete = await broken_rows(connector)
    assert rows == ["a", "b", "c", "d"]
    assert [(row.id, row.line) for row in broken] == [(known, 4)]
    assert why in broken[0].reason
    assert complete is (known is not None)


async def test_a_value_too_many_before_the_id_makes_the_id_unreadable(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "note,uid,sn\nhello, you,x,X\nhi,y,Y,\n")
    _, broken, complete = await broken_rows(connector)
    assert [row.id for row in broken] == [None, "y"]
    assert not complete


async def test_the_row_of_a_damaged_person_is_not_read_as_absent(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid,sn\na,A\nb\nc,C,C\n")
    with pytest.raises(SourceUnreadable, match=r"line 4: BAD_ROW: 3 values.*'c' cannot be read"):
        await connector.read_many("account", ["a", "c"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(None, "No such file", id="missing file"),
        pytest.param(b"", "is empty: it must begin with a header line", id="empty file"),
        pytest.param(
            b"id,mail,lastname\n", "lacks 'uid'; it has 'id', 'mail', 'lastname'", id="no id column"
        ),
        pytest.param(b"uid,mail\na,b\n", "lacks 'lastname'", id="a declared column is gone"),
        pytest.param(b"uid,mail,lastname,mail\n", "names 'mail' more than once", id="a column twice"),
        pytest.param(b'uid,"mail,lastname\n', "cannot be read", id="a header with an open quote"),
        pytest.param(b"uid,ma\xffil,lastname\n", "the header is not utf-8", id="a header that is not UTF-8"),
        pytest.param(b"uid," + b"x" * (2 << 20), "header line is over", id="a huge header"),
    ],
)
async def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, content: bytes | None, why: str) -> None:
    connector = csv_file(tmp_path / "people.csv", content, TYPES)
    for ask in (connector.test(), enumerate_all(connector, "account"), connector.read_many("account", ["a"])):
        with pytest.raises(SourceUnreadable, match=why) as caught:
            await ask
        assert "people.csv" in caught.value.message
        assert caught.value.status < 500


async def test_bytes_that_are_not_the_declared_wide_encoding_end_the_enumeration(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid,sn\na,b\n".encode("utf-16-le") + b"x", encoding="utf-16-le")
    with pytest.raises(SourceUnreadable, match="is not utf-16-le near line"):
        await enumerate_all(connector, "account")


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda path, text: path.write_text(text + "z,Z\n"), id="appended"),
        pytest.param(lambda path, text: path.write_text(text[: len(text) // 2]), id="truncated"),
        pytest.param(lambda path, text: path.write_text(text.replace("p1,", "p9,")), id="overwritten"),
        pytest.param(
            lambda path, text: path.write_text(text[:-2] + "?\n"), id="overwritten ahead of the reader"
        ),
    ],
)
async def test_a_file_written_while_it_is_read_is_not_taken_for_the_whole(tmp_path: Path, write: Any) -> None:
    text = "uid,sn\n" + "".join(f"p{number},Name\n" for number in range(100_000))
    connector = csv_file(tmp_path / "c.csv", text)
    os.utime(tmp_path / "c.csv", (1, 1))
    pages = connector.pages("account", page_size=1000)
    seen = [await anext(pages)]
    write(tmp_path / "c.csv", text)

    async def go_on() -> None:
        seen.extend([page async for page in pages])

    with pytest.raises(SourceChanged, match="SOURCE_CHANGED"):
        await go_on()
    assert not any(page.complete for page in seen)


async def test_a_file_replaced_by_rename_is_read_to_the_end_as_it_was(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid\n" + "".join(f"p{number}\n" for number in range(100)))
    pages = connector.pages("account", page_size=10)
    await anext(pages)
    (tmp_path / "new.csv").write_text("uid\nz\n")
    (tmp_path / "new.csv").rename(tmp_path / "c.csv")
    rest = [page async for page in pages]
    assert sum(len(page.rows) for page in rest) == 90
    assert rest[-1].complete


async def test_a_run_does_not_go_on_in_another_file(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid\na\nb\nc\n")
    cursor = (await anext(connector.pages("account", page_size=2))).cursor
    (tmp_path / "c.csv").write_text("uid\na\nx\nc\nd\n")
    with pytest.raises(SourceChanged, match="Start a new run"):
        await enumerate_all(connector, "account", resume=cursor)
    (tmp_path / "c.csv").write_text("uid\na\nb\nc\nd\n")
    assert [row["_id"] for row in await read_all(connector, "account", resume=cursor)] == ["c", "d"]


async def test_going_on_remembers_ids_and_losses_of_the_first_part(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", 'uid,n\na,"1\n2"\n,x\nb,1\na,9\nc,3\n')
    cursor = (await anext(connector.pages("account", page_size=3))).cursor
    (page,) = await enumerate_all(connector, "account", resume=cursor)
    assert [row["_id"] for row in page.rows] == ["c"]
    assert [row.id for row in page.broken] == ["a"]
    assert not page.complete


async def test_naming_columns(tmp_path: Path) -> None:
    properties = {"name": {"nativeName": "__NAME__"}, "first": {"nativeName": "first_name"}}
    hidden = {"secret": {"nativeName": "__PASSWORD__", "flags": ["NOT_READABLE"]}}
    connector = csv_file(
        tmp_path / "c.csv",
        "number,login,first name,pw\n7,bj,Barbara,x\n",
        {"account": {"properties": properties | hidden}},
        headerUid="number",
        headerName="login",
        headerPassword="pw",
    )
    assert await read_all(connector, "account") == [{"_id": "7", "name": "bj", "first": "Barbara"}]
    await connector.update("account", "7", {"secret": "new"})
    assert (tmp_path / "c.csv").read_text() == "number,login,first name,pw\n7,bj,Barbara,new\n"


async def test_writing_keeps_header_quoting_line_ends_and_damaged_rows(tmp_path: Path) -> None:
    head = SAMPLE.replace("\n", "\r\n").encode()
    connector = csv_file(tmp_path / "c.csv", b"\xef\xbb\xbf" + head + b'"damaged \xff", "x"\r\n\r\n')
    (tmp_path / "c.csv").chmod(0o640)
    await connector.update("account", "bjensen", {"firstname": 'Barb "B", jr', "email": None})
    await connector.create("account", {"_id": "new", "firstname": "N\nN", "_rev": "1"})
    await connector.delete("account", "scarter")
    lines = (tmp_path / "c.csv").read_bytes().split(b"\r\n")
    assert lines == [
        b"\xef\xbb\xbf" + head.split(b"\r\n")[0],
        b'"Created by CSV", "bjensen", "bjensen@example.com", "Barb ""B"", jr", "Jensen", "", "1234567"',
        b'"damaged \xff", "x"',
        b"",
        b'"", "new", "", "N\nN", "", "", ""',
        b"",
    ]
    assert (tmp_path / "c.csv").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]
    assert [row["_id"] for row in await read_all(connector, "account")] == ["bjensen", "new"]


async def test_a_row_is_added_after_a_line_without_end(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid,sn\na,A")
    await connector.create("account", {"_id": "b", "sn": "B"})
    assert (tmp_path / "c.csv").read_text() == "uid,sn\na,A\nb,B\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ({"sn": "x"}, "needs an id"),
        ({"_id": "n", "sn": ["x"]}, "holds one text"),
        ({"_id": "n", "sn": "a\0b"}, "NUL"),
        ({"_id": "n", "sn": "☃"}, "cannot be written in latin-1"),
    ],
)
async def test_what_a_column_cannot_hold_is_refused(
    tmp_path: Path, content: dict[str, Any], why: str
) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid,sn\na,A\n", encoding="latin-1")
    with pytest.raises(ReconError, match=why) as caught:
        await connector.create("account", content)
    assert caught.value.status == 400
    assert (tmp_path / "c.csv").read_text() == "uid,sn\na,A\n"


async def test_renaming(tmp_path: Path) -> None:
    connector = csv_file(tmp_path / "c.csv", "uid,sn\na,A\nb,B\n")
    with pytest.raises(ReconError, match="an object 'a' already"):
        await connector.update("account", "b", {"uid": "a"})
    assert await connector.update("account", "b", {"uid": "c"}) == {"_id": "c", "uid": "c", "sn": "B"}
    assert [row["_id"] for row in await read_all(connector, "account")] == ["a", "c"]


async def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    writers = [csv_file(tmp_path / "c.csv", "uid,sn\n") for _ in range(4)]
    await asyncio.gather(*(writers[n % 4].create("account", {"_id": f"p{n}", "sn": "x"}) for n in range(24)))
    assert {row["_id"] for row in await read_all(writers[0], "account")} == {f"p{n}" for n in range(24)}


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "csvFile names no file"),
        ({"configurationProperties": 3}, "must be an object"),
        (
            {"configurationProperties": {"csvFile": "x", "fieldDelimiter": ";;"}},
            "fieldDelimiter must be one character",
        ),
        ({"configurationProperties": {"csvFile": "x", "encoding": "klingon"}}, "'klingon' is no encoding"),
        ({"configurationProperties": {"csvFile": "x", "encoding": "base64"}}, "'base64' is no encoding"),
        ({"configurationProperties": {"csvFile": "x"}, "objectTypes": []}, "objectTypes must be an object"),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path: Path, document: dict[str, Any], why: str) -> None:
    with pytest.raises(ReconError, match=why) as caught:
        CsvFile.open("csvfile", document, tmp_path)
    assert caught.value.status == 400
    assert "provisioner.openicf/csvfile" in caught.value.message


@pytest.mark.parametrize(
    "file", ["&{idm.instance.dir}/data/c.csv", "&{project.location}/data/c.csv", "data/c.csv"]
)
def test_the_file_is_found_in_the_project_folder(tmp_path: Path, file: str) -> None:
    connector = CsvFile.open("csvfile", {"configurationProperties": {"csvFile": file}}, tmp_path)
    assert connector.config.path == tmp_path / "data" / "c.csv"
