"""The LDAP connector against a real directory, by both libraries."""

from __future__ import annotations

import pytest

from flows.connectors.base import Connector
from tests.connectors.conformance import ConnectorConformance
from tests.connectors.conftest import ACCOUNTS, OpenLdap
from tests.slapd import Slapd, entry

pytestmark = pytest.mark.services


def ten(branch: str) -> str:
    return "".join(
        entry(
            f"uid=u{number},{branch}",
            {
                "objectClass": ACCOUNTS,
                "uid": f"u{number}",
                "mail": f"u{number}@example.com",
                "sn": f"Name {number}",
            },
        )
        for number in range(10)
    )


class TestLdap(ConnectorConformance):
    @pytest.fixture
    def connector(self, slapd: Slapd, branch: str, open_ldap: OpenLdap) -> Connector:
        slapd.add(ten(branch))
        return open_ldap()
