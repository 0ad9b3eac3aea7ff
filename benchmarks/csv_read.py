"""How fast a CSV file becomes objects: `python benchmarks/csv_read.py [rows]`. Prints rows per second and peak memory."""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from flows.connectors.csv_file import CsvFile

HEADER = '"description", "uid", "username", "firstname", "lastname", "email", "mobileTelephoneNumber"\n'


def write(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write(HEADER)
        file.writelines(
            f'"Created {n}", "user{n}", "user{n}@example.com", "Barbara", "Jensen", "user{n}@example.com", "555{n}"\n'
            for n in range(rows)
        )


async def read(path: Path) -> int:
    connector = CsvFile.open("csvfile", {"configurationProperties": {"csvFile": str(path)}}, path.parent)
    return sum([len(page.rows) async for page in connector.pages("__ACCOUNT__")])


def main(rows: int = 200_000) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "people.csv")
        write(path, rows)
        begun = time.perf_counter()
        found = asyncio.run(read(path))
        seconds = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{found:,} rows in {seconds:.2f} s: {found / seconds:,.0f} rows/s, peak memory {memory} MB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
