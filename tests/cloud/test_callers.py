"""Who a bearer token makes of its sender, and what he may."""

from __future__ import annotations

import time
from typing import Any

import pytest

from api import installation_key
from tests.cloud.conftest import Cloud, authentication
from tests.cloud.issuer import compact

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def login(cloud: Cloud, **claims: Any) -> dict[str, Any]:
    """Who the sender of a token of the issuer is."""
    answer = await cloud.call(cloud.issuer.token(**claims))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def person(cloud: Cloud, name: str, **more: Any) -> None:
    body = {"userName": name, "givenName": "A", "sn": "B", "mail": f"{name}@example.com"} | more
    answer = await cloud.as_admin("PUT", f"managed/user/{name}-id", body)
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("scope", [["fr:idm:*"], "openid fr:idm:*", ["fr:am:*", "fr:idm:*"]])
async def test_the_scope_of_advanced_identity_cloud_makes_an_administrator(cloud: Cloud, scope: Any) -> None:
    found = await login(cloud, scope=scope)
    assert found["authorization"]["roles"] == ["openidm-admin", "openidm-authorized"]
    assert (await cloud.call(cloud.issuer.token(scope=scope), path="recon")).status_code == 200


@pytest.mark.parametrize(
    "scope", [None, "", [], "fr:idm", "fr:idm:*x", ["fr:idm:recon"], "xfr:idm:*", {"fr:idm:*": 1}]
)
async def test_other_scopes_allow_nothing(cloud: Cloud, scope: Any) -> None:
    token = cloud.issuer.token(scope=scope)
    for path in ("recon", "config", "managed/user?_queryFilter=true"):
        answer = await cloud.call(token, path=path)
        assert answer.status_code == 403, answer.text


async def test_roles_of_a_claim_count_where_the_configuration_names_them(cloud: Cloud) -> None:
    found = await login(cloud, scope=None, groups=["idm-admins", "staff"])
    assert found["authorization"]["roles"] == ["openidm-admin", "openidm-authorized"]
    assert (await login(cloud, scope="openid", groups="staff"))["authorization"]["roles"] == [
        "openidm-authorized"
    ]
    unknown = cloud.issuer.token(scope=None, groups=["openidm-admin", "internal/role/openidm-admin"])
    assert (await cloud.call(unknown, path="recon")).status_code == 403


async def test_an_unknown_subject_has_the_roles_of_the_token_and_a_name_of_its_own(cloud: Cloud) -> None:
    found = await login(cloud, sub="openidm-admin")
    assert found["authenticationId"] == "bearer:openidm-admin"
    assert found["authorization"]["component"] == "bearer"
    nobody = cloud.issuer.token(sub="openidm-admin", scope=None)
    assert (await cloud.call(nobody, path="recon")).status_code == 403


async def test_a_known_subject_is_its_account_and_sees_its_own_data(cloud: Cloud) -> None:
    await person(cloud, "gandalf", authzRoles=[{"_ref": "internal/role/openidm-auditor"}])
    found = await login(cloud, sub="gandalf", scope=None)
    assert found["authenticationId"] == "gandalf"
    assert found["authorization"] == {
        "id": "gandalf-id",
        "component": "managed/user",
        "roles": ["openidm-auditor", "openidm-authorized"],
        "ipAddress": "127.0.0.1",
        "moduleId": "BEARER",
    }
    token = cloud.issuer.token(sub="gandalf", scope=None)
    assert (await cloud.call(token, path="managed/user/gandalf-id")).json()["userName"] == "gandalf"
    assert (await cloud.call(token, path="managed/user/other")).status_code == 403


async def test_a_disabled_account_is_refused_whatever_its_token_says(cloud: Cloud) -> None:
    await person(cloud, "saruman")
    token = cloud.issuer.token(sub="saruman")
    assert (await cloud.call(token)).status_code == 200
    await person(cloud, "saruman", accountStatus="inactive")
    assert (await cloud.call(token)).status_code == 401


async def test_a_subject_may_stand_for_an_account_of_the_configuration(cloud: Cloud) -> None:
    found = await login(cloud, sub="(usr!amadmin)", scope=None)
    assert (found["authenticationId"], found["authorization"]["component"]) == (
        "openidm-admin",
        "internal/user",
    )
    assert "openidm-admin" in found["authorization"]["roles"]


async def test_tokens_signed_with_a_curve_count_as_well(cloud: Cloud) -> None:
    header = {"alg": "ES256", "kid": "ec-1", "typ": "at+jwt"}
    token = compact(header, cloud.issuer.claims(aud=["other", "idm-clients"]), cloud.issuer.ec, "ES256")
    assert (await cloud.call(token)).status_code == 200


async def test_a_little_skew_of_the_clocks_is_forgiven(cloud: Cloud) -> None:
    now = int(time.time())
    for claims in ({"exp": now - 10}, {"nbf": now + 10}, {"iat": now + 10}):
        assert (await cloud.call(cloud.issuer.token(**claims))).status_code == 200


async def test_versions_count_with_a_token_too(cloud: Cloud) -> None:
    token = cloud.issuer.token()
    good = await cloud.call(token, path="recon", **{"accept-api-version": "protocol=2.1,resource=1.0"})
    assert good.status_code == 200
    bad = await cloud.call(token, path="recon", **{"accept-api-version": "resource=9.0"})
    assert (bad.status_code, bad.json()["reason"]) == (404, "Not Found")


async def test_a_token_needs_no_header_against_foreign_sites_and_opens_no_session(cloud: Cloud) -> None:
    token = cloud.issuer.token()
    answer = await cloud.call(
        token, "POST", "authentication?_action=login", origin="https://elsewhere.example.com"
    )
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    made = await cloud.call(
        token, "POST", "script?_action=eval", {"type": "text/javascript", "source": "6*7"}
    )
    assert made.json() == 42


async def test_our_own_tokens_stand_for_the_accounts_that_log_in(cloud: Cloud) -> None:
    await person(cloud, "merry", authzRoles=[{"_ref": "internal/role/openidm-auditor"}])
    own, now = installation_key.create(cloud.data), int(time.time())
    found = (await cloud.call(own.sign("merry", [], 60, now))).json()
    assert (found["authenticationId"], found["authorization"]["component"]) == ("merry", "managed/user")
    assert found["authorization"]["roles"] == ["openidm-auditor", "openidm-authorized"]
    found = (await cloud.call(own.sign("a-script", ["openidm-auditor"], 60, now))).json()
    assert (found["authenticationId"], found["authorization"]["roles"]) == (
        "bearer:a-script",
        ["openidm-auditor"],
    )
    await person(cloud, "merry", accountStatus="inactive")
    assert (await cloud.call(own.sign("merry", ["openidm-admin"], 60, now))).status_code == 401


async def test_without_the_key_file_no_token_of_it_counts(cloud: Cloud) -> None:
    token = installation_key.create(cloud.data).sign("openidm-admin", [], 60, int(time.time()))
    assert (await cloud.call(token)).status_code == 200
    (cloud.data / installation_key.FILE).unlink()
    assert (await cloud.call(token)).status_code == 401
    fresh = installation_key.create(cloud.data).sign("openidm-admin", [], 60, int(time.time()))
    assert (await cloud.call(fresh)).status_code == 200
    assert (await cloud.call(token)).status_code == 401


async def test_issuers_change_without_a_restart(cloud: Cloud) -> None:
    before = (await cloud.as_admin("GET", "config/authentication")).json()
    strict = before["bearer"] | {"scopes": ["fr:idm:*", "fr:recon:*"]}
    assert (
        await cloud.as_admin("PUT", "config/authentication", before | {"bearer": strict})
    ).status_code == 200
    assert (await cloud.call(cloud.issuer.token())).status_code == 401
    assert (await cloud.call(cloud.issuer.token(scope=["fr:idm:*", "fr:recon:*"]))).status_code == 200
    none = {name: value for name, value in before.items() if name != "bearer"}
    assert (await cloud.as_admin("PUT", "config/authentication", none)).status_code == 200
    assert (await cloud.call(cloud.issuer.token())).status_code == 401
    assert (await cloud.as_admin("PUT", "config/authentication", before)).status_code == 200
    assert (await cloud.call(cloud.issuer.token())).status_code == 200


async def test_an_issuer_that_cannot_be_reached_is_no_mistake_of_the_caller(cloud: Cloud) -> None:
    before = (await cloud.as_admin("GET", "config/authentication")).json()
    away = {"issuer": "http://127.0.0.1:1", "audience": "idm-clients"}
    document = before | {"bearer": [before["bearer"], away]}
    assert (await cloud.as_admin("PUT", "config/authentication", document)).status_code == 200
    answer = await cloud.call(cloud.issuer.token(iss=away["issuer"]))
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    assert (await cloud.call(cloud.issuer.token())).status_code == 200
    assert (await cloud.as_admin("PUT", "config/authentication", before)).status_code == 200


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"issuer": None}, "issuer"),
        ({"issuer": "http://issuer.example.com"}, "bearer.issuer"),
        ({"issuer": "ftp://127.0.0.1"}, "bearer.issuer"),
        ({"audience": None}, "bearer.audience"),
        ({"audience": []}, "bearer.audience"),
        ({"jwksUri": "http://keys.example.com"}, "bearer.jwksUri"),
        ({"algorithms": ["HS256"]}, "bearer.algorithms"),
        ({"algorithms": ["none"]}, "bearer.algorithms"),
        ({"algorithms": []}, "bearer.algorithms"),
        ({"leeway": 100_000}, "bearer.leeway"),
        ({"scopeToRoles": ["openidm-admin"]}, "bearer.scopeToRoles"),
        ({"scopeToRoles": {"x": "openidm-admin"}}, "bearer.scopeToRoles.x"),
        ({"subjectMapping": [{"queryOnResource": "system/ldap/account"}]}, "queryOnResource"),
        ({"staticUserMapping": [{"subject": "x"}]}, "localUser"),
        ({"algorithm": "RS256"}, "Did you mean algorithms"),
    ],
)
async def test_a_wrong_issuer_is_refused_with_its_place(
    cloud: Cloud, members: dict[str, Any], place: str
) -> None:
    document = authentication(cloud.issuer, **members)
    answer = await cloud.as_admin("PUT", "config/authentication", document)
    assert answer.status_code == 400, answer.text
    assert place in answer.json()["message"]
    assert (await cloud.call(cloud.issuer.token())).status_code == 200  # the one before stays in force
