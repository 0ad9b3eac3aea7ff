"""The first line of a CSV file."""

import csv

from flows.connectors.base import SourceUnreadable
from flows.connectors.csv_layout import Columns, CsvConfig, dialect, read_columns
from flows.connectors.csv_lines import ROW_LIMIT, Lines


def read_header(lines: Lines, config: CsvConfig, object_type: str) -> Columns:
    """Read the header and go past it; SourceUnreadable says what is wrong with it."""
    first = lines.peek(1)
    if not first or not first[0].strip():
        raise SourceUnreadable(f"{config.path} is empty: it must begin with a header line.")
    if len(first[0]) > ROW_LIMIT:
        raise SourceUnreadable(f"{config.path}: the header line is over {ROW_LIMIT:,} bytes.")
    try:
        text = first[0].decode(lines.encoding)
        names = next(csv.reader([text], **dialect(config)), [])
    except UnicodeDecodeError as cause:
        raise SourceUnreadable(
            f"{config.path}: the header is not {config.encoding}: {cause.reason}."
        ) from cause
    except csv.Error as cause:
        raise SourceUnreadable(f"{config.path}: the header cannot be read: {cause}.") from cause
    columns = read_columns(config, object_type, names)
    lines.advance(1)
    return columns
