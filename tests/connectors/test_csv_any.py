"""Whatever stands in a CSV file, reading it ends well or says why, and what was written comes back."""

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.connectors.base import SourceUnreadable
from flows.connectors.csv_file import CsvFile
from tests.connectors.conformance import enumerate_all

PIECES = st.sampled_from(
    [b"uid", b"a", b"b", b",", b",", b'"', b"\n", b"\n", b"\r", b" ", b"\0", b"\xff", b"\xc3\xbc", b'""']
)
VALUES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


def opened(folder: str, content: bytes) -> CsvFile:
    path = Path(folder) / "c.csv"
    path.write_bytes(content)
    return CsvFile.open(
        "x", {"configurationProperties": {"csvFile": str(path)}, "objectTypes": {"t": {}}}, path.parent
    )


@given(st.lists(PIECES, max_size=60), st.integers(1, 4))
@settings(max_examples=300, deadline=None)
async def test_any_bytes_give_rows_and_broken_rows_or_a_reason(pieces: list[bytes], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        connector = opened(folder, b"uid,sn\n" + b"".join(pieces))
        try:
            pages = await enumerate_all(connector, "t", page_size=size)
        except SourceUnreadable:
            return
        ids = [row["_id"] for page in pages for row in page.rows]
        assert len(ids) == len(set(ids))
        lost = any(bad.id is None for page in pages for bad in page.broken)
        assert pages[-1].complete is not lost
        whole = await enumerate_all(connector, "t", page_size=1000)
        assert [row for page in pages for row in page.rows] == [row for page in whole for row in page.rows]
        assert [bad for page in pages for bad in page.broken] == [
            bad for page in whole for bad in page.broken
        ]
        for index, page in enumerate(pages[:-1]):
            rest = await enumerate_all(connector, "t", page_size=size, resume=page.cursor)
            assert rest == pages[index + 1 :]


@given(
    st.dictionaries(VALUES.map(str.strip).filter(bool), VALUES, max_size=6), st.sampled_from(["\n", "\r\n"])
)
@settings(max_examples=150, deadline=None)
async def test_what_a_csv_writer_writes_comes_back_trimmed(rows: dict[str, str], newline: str) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([["uid", "sn"], *rows.items()])
    with tempfile.TemporaryDirectory() as folder:
        pages = await enumerate_all(opened(folder, out.getvalue().encode()), "t")
    found = {row["_id"]: row.get("sn", "") for page in pages for row in page.rows}
    assert found == {key: value.strip() for key, value in rows.items()}
    assert pages[-1].complete
