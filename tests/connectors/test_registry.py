"""Connectors by the name that provisioner files give them."""

from pathlib import Path
from typing import Any

import pytest

from conf.errors import ConfigError
from flows.connectors.csv_file import CsvFile
from flows.connectors.registry import open_connector

CSV = "org.forgerock.openicf.csvfile.CSVFileConnector"


def test_a_csv_file_is_opened_by_its_class_name(tmp_path: Path) -> None:
    document = {"connectorRef": {"connectorName": CSV}, "configurationProperties": {"csvFile": "a.csv"}}
    assert isinstance(open_connector("csvfile", document, tmp_path), CsvFile)


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "connectorName is missing"),
        ({"connectorRef": {"connectorName": "org.example.Fax"}}, "no connector 'org.example.Fax' here"),
    ],
)
def test_an_unknown_connector_is_named(tmp_path: Path, document: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        open_connector("x", document, tmp_path)
