"""Connectors by the name that provisioner files give them."""

import json
from pathlib import Path
from typing import Any

import pytest

from conf.errors import ConfigError
from flows.connectors.csv_file import CsvFile
from flows.connectors.registry import open_connector
from tests.connectors.conftest import LIBRARIES

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


@pytest.mark.parametrize("page", ["sql.md", "ldap.md"])
def test_the_examples_of_the_documentation_are_accepted(page: str, tmp_path: Path) -> None:
    if page == "ldap.md" and not LIBRARIES:
        pytest.skip("no LDAP library is installed")
    text = Path(__file__).parents[2].joinpath("docs", page).read_text()
    document = json.loads(text.split("```json\n")[1].split("```")[0])
    assert "account" in open_connector(document["name"], document, tmp_path).object_types()
