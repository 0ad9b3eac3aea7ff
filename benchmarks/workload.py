"""The workload of the benchmarks: a CSV of synthetic people, a project that loads it, and its shape for lower bounds.

Row `i` is a pure function of `i`, so that any number of rows shares its beginning; rows come in an order that is not
that of their keys.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

HEADER = (
    "uid",
    "username",
    "firstname",
    "lastname",
    "email",
    "mobile",
    "department",
    "manager",
    "roles",
    "description",
)
MASK = (1 << 64) - 1


def mix(i: int, k: int) -> int:
    """A 64-bit mix of row and field number (splitmix64)."""
    z = (i * 0x9E3779B97F4A7C15 + k * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def row(i: int, changed: bool = False) -> tuple[str, ...]:
    """One person."""
    first, last = f"First{mix(i, 1) % 200:03d}", f"Last{mix(i, 2) % 1000:04d}"
    roles = ";".join(f"role{mix(i, 8 + k) % 40:02d}" for k in range(1 + mix(i, 3) % 3))
    return (
        f"E{i:08d}",
        f"{first}.{last}{i}".lower(),
        first,
        last,
        f"{first}.{last}{i}@Example.com",
        f"+1 555 {2_000_000 + mix(i, 7) % 7_000_000:07d}{'9' if changed else ''}",
        f"Department {(mix(i, 4) + changed) % 50:02d}",
        f"E{i // 10:08d}",
        roles,
        f'Row {i}, described with a comma, a "quoted word" and some more text.',
    )


def order(n: int) -> Iterator[int]:
    """Row numbers in the order of the file."""
    return iter(sorted(range(n), key=lambda i: (i * 2654435761) & 0xFFFFFFFF))


def write_csv(path: Path, n: int, changed_every: int = 0) -> None:
    """Write the file; with `changed_every` one row in so many differs from the base file."""
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(HEADER)
        for i in order(n):
            writer.writerow(row(i, bool(changed_every) and i % changed_every == 3))


def write_project(folder: Path, n: int) -> Path:
    """A project folder that reconciles the file with managed users; ABSENT creates."""
    (folder / "conf").mkdir(parents=True)
    (folder / "data").mkdir()
    write_csv(folder / "data" / "people.csv", n)
    properties = [
        {"source": "uid", "target": "_id"},
        {"source": "username", "target": "userName"},
        {"source": "firstname", "target": "givenName"},
        {"source": "lastname", "target": "sn"},
        {"source": "email", "target": "mail"},
        {"source": "mobile", "target": "telephoneNumber"},
        {"source": "department", "target": "department"},
        {"source": "manager", "target": "managerId"},
        {"source": "roles", "target": "roleNames"},
        {"source": "description", "target": "description"},
    ]
    policies = [
        {"situation": "ABSENT", "action": "CREATE"},
        {"situation": "CONFIRMED", "action": "UPDATE"},
        {"situation": "UNASSIGNED", "action": "IGNORE"},
        {"situation": "SOURCE_MISSING", "action": "DELETE"},
    ]
    mapping = {
        "name": "people",
        "source": "system/people/account",
        "target": "managed/user",
        "properties": properties,
        "policies": policies,
    }
    provisioner = {
        "name": "people",
        "connectorRef": {
            "bundleName": "org.forgerock.openicf.connectors.csvfile-connector",
            "connectorName": "org.forgerock.openicf.csvfile.CSVFileConnector",
            "bundleVersion": "1.5.20.0",
        },
        "configurationProperties": {"csvFile": "data/people.csv", "headerUid": "uid"},
        "objectTypes": {
            "account": {
                "id": "__ACCOUNT__",
                "type": "object",
                "nativeType": "__ACCOUNT__",
                "properties": {name: {"type": "string", "nativeName": name} for name in HEADER},
            }
        },
    }
    (folder / "conf" / "sync.json").write_text(json.dumps({"mappings": [mapping]}))
    (folder / "conf" / "provisioner.openicf-people.json").write_text(json.dumps(provisioner))
    return folder
