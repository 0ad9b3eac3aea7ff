"""No forged token lets anybody in, and all of them get the same answer."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import OKPKey, RSAKey

from api import installation_key
from api.installation_key import InstallationKey
from api.lockout import ATTEMPTS, Lockout
from tests.cloud.conftest import Cloud
from tests.cloud.issuer import Issuer, b64, compact, part

pytestmark = pytest.mark.asyncio(loop_scope="module")

Forge = Callable[[Issuer], str]
_OTHER = RSAKey.generate_key(2048, {"kid": "rsa/1="})


def _claims(**more: Any) -> Forge:
    return lambda issuer: issuer.token(**more)


def _header(**more: Any) -> Forge:
    return lambda issuer: compact(
        {name: value for name, value in issuer.header(**more).items() if value is not None},
        issuer.claims(),
        issuer.rsa,
    )


def _other_key(**more: Any) -> Forge:
    """Signed by somebody else, who says what he likes in the header."""
    return lambda issuer: compact(issuer.header(**more), issuer.claims(), _OTHER)


def _unsigned(algorithm: str) -> Forge:
    return lambda issuer: compact(issuer.header(alg=algorithm), issuer.claims(), None)


def _shared_secret(secret: Callable[[RSAKey], bytes]) -> Forge:
    """The public key, which everybody knows, taken for a shared secret."""

    def forge(issuer: Issuer) -> str:
        signed = f"{part(issuer.header(alg='HS256'))}.{part(issuer.claims())}"
        return f"{signed}.{b64(hmac.digest(secret(issuer.rsa), signed.encode(), 'sha256'))}"

    return forge


def _text(change: Callable[[str], str]) -> Forge:
    """A good token with something done to its text."""
    return lambda issuer: change(issuer.token())


def _parts(change: Callable[[str, str, str], str]) -> Forge:
    return _text(lambda text: change(*text.split(".")))


def _raw(header: str, claims: str) -> Forge:
    """Signed by the right key, whatever stands in it; `%` is where the good members go."""
    return lambda issuer: compact(
        header.replace("%", json.dumps(issuer.header())[1:-1]),
        claims.replace("%", json.dumps(issuer.claims())[1:-1]),
        issuer.rsa,
    )


def _swap_last_bits(head: str, claims: str, signature: str) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return f"{head}.{claims}.{signature[:-1]}{letters[letters.index(signature[-1]) ^ 1]}"


def _admin_instead(head: str, claims: str, signature: str) -> str:
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{head}.{part(told | {'sub': '(usr!amadmin)'})}.{signature}"


_SOON = int(time.time()) + 3600
FORGERIES: dict[str, Forge] = {
    "no signature": _unsigned("none"),
    "no signature, another spelling": _unsigned("NoNe"),
    "no algorithm": _header(alg=None),
    "none, with a signature": _header(alg="none"),
    "another key under the same id": _other_key(),
    "another key without an id": _other_key(kid=None),
    "another key in the header": _other_key(jwk=_OTHER.as_dict(private=False)),
    "another key by address": _other_key(jku="http://127.0.0.1:1/keys", x5u="http://127.0.0.1:1/cert"),
    "another key by certificate": _other_key(x5c=["MIIB"]),
    "public key as secret, PEM": _shared_secret(lambda key: key.as_pem(private=False)),
    "public key as secret, DER": _shared_secret(lambda key: key.as_der(private=False)),
    "public key as secret, JSON": _shared_secret(lambda key: json.dumps(key.as_dict(private=False)).encode()),
    "an algorithm that is not in force": lambda issuer: compact(
        issuer.header(alg="RS512"), issuer.claims(), issuer.rsa, "RS512"
    ),
    "another padding": lambda issuer: compact(
        issuer.header(alg="PS256"), issuer.claims(), issuer.rsa, "PS256"
    ),
    "a curve where an RSA key is named": lambda issuer: compact(
        issuer.header(alg="ES256"), issuer.claims(), issuer.ec, "ES256"
    ),
    "a signature of zeros": lambda issuer: (
        compact(issuer.header(alg="ES256", kid="ec-1"), issuer.claims(), None) + b64(bytes(64))
    ),
    "another issuer": _claims(iss="https://issuer.example.com"),
    "no issuer": _claims(iss=None),
    "a list of issuers": lambda issuer: issuer.token(iss=[issuer.url]),
    "the issuer with a slash": lambda issuer: issuer.token(iss=f"{issuer.url}/"),
    "the issuer in capitals": lambda issuer: issuer.token(iss=issuer.url.upper()),
    "another audience": _claims(aud="someone-else"),
    "no audience": _claims(aud=None),
    "an audience that begins alike": _claims(aud="idm-clients-2"),
    "a list without our audience": _claims(aud=["a", "b"]),
    "an audience that is an object": _claims(aud={"idm-clients": True}),
    "an audience among numbers": _claims(aud=["idm-clients", 1]),
    "expired": _claims(exp=int(time.time()) - 120),
    "no end": _claims(exp=None),
    "an end as text": _claims(exp=str(_SOON)),
    "an end that is true": _claims(exp=True),
    "an end that is no number": _raw("{%}", '{%,"exp":NaN}'),
    "an end without end": _raw("{%}", '{"exp":Infinity,"x":1}'),
    "not valid yet": _claims(nbf=_SOON),
    "issued in the future": _claims(iat=_SOON),
    "a beginning as text": _claims(nbf="0"),
    "critical members": _header(crit=["exp"], exp=1),
    "an empty list of critical members": _header(crit=[]),
    "claims that are not encoded": _header(b64=False),
    "packed claims": _header(zip="DEF"),
    "a key id that is a path": _header(kid="../../../../dev/null"),
    "a key id that is a file": _header(kid="file:///etc/passwd"),
    "a key id with a quote": _header(kid="x' UNION SELECT 'secret"),
    "a key id with NUL": _header(kid="rsa/1=\0"),
    "a key id that is a list": _header(kid=["rsa/1="]),
    "an empty key id": _header(kid=""),
    "a very long key id": _header(kid="k" * 5000),
    "an unknown key id": _header(kid="rsa-2"),
    "a logout token": _header(typ="logout+jwt"),
    "an identity token": _claims(tokenName="id_token"),
    "a type that is a list": _header(typ=["JWT"]),
    "a token within a token": lambda issuer: compact(issuer.header(cty="JWT"), issuer.token(), issuer.rsa),
    "a token as claims": lambda issuer: compact(issuer.header(), json.dumps(issuer.token()), issuer.rsa),
    "a claim twice": _raw("{%}", '{"sub":"(usr!amadmin)",%}'),
    "a header member twice": _raw('{%,"alg":"RS256"}', "{%}"),
    "claims that are a list": _raw("{%}", "[{%}]"),
    "claims nested deeply": _raw("{%}", '{%,"x":' + "[" * 4000 + "]" * 4000 + "}"),
    "claims that are not JSON": _raw("{%}", "{%"),
    "claims of strange bytes": _parts(
        lambda head, _claims, rest: f"{head}.{b64(bytes([255, 254, 0]))}.{rest}"
    ),
    "a number of many digits": _raw("{%}", '{%,"n":' + "9" * 5000 + "}"),
    "huge": _claims(padding="x" * 200_000),
    "no subject": _claims(sub=None),
    "an empty subject": _claims(sub=" "),
    "a subject that is a list": _claims(sub=["openidm-admin"]),
    "a subject with a line end": _claims(sub="a\nb"),
    "a very long subject": _claims(sub="s" * 300),
    "revoked": _claims(jti="lost-token"),
    "an id that is a number": _claims(jti=7),
    "other claims under a good signature": _parts(_admin_instead),
    "signature cut off": _parts(lambda head, claims, _sign: f"{head}.{claims}."),
    "signature cut short": _text(lambda text: text[:-20]),
    "bits left over": _parts(_swap_last_bits),
    "two parts": _parts(lambda head, claims, _sign: f"{head}.{claims}"),
    "four parts": _text(lambda text: f"{text}.e30"),
    "five parts": _text(lambda text: f"{text}..e30"),
    "padding": _parts(lambda head, claims, sign: f"{head}=.{claims}.{sign}"),
    "not base64": _parts(lambda head, claims, sign: f"{head}.{claims[:-1]}!.{sign}"),
    "a space within": _parts(lambda head, claims, sign: f"{head}. {claims}.{sign}"),
    "letters of other languages": _text(lambda text: f"{text}é"),
    "another way to write it": lambda issuer: json.dumps({"payload": issuer.token(), "signatures": []}),
    "nothing": lambda _issuer: "",
    "dots": lambda _issuer: "..",
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(cloud: Cloud, name: str) -> None:
    answer = await cloud.call(FORGERIES[name](cloud.issuer))
    assert answer.status_code == 401, answer.text
    assert answer.json() == {"code": 401, "reason": "Unauthorized", "message": "Access Denied"}


async def test_forged_tokens_send_us_nowhere(cloud: Cloud) -> None:
    assert (await cloud.call(cloud.issuer.token())).status_code == 200
    assert set(cloud.issuer.asked) <= {"/.well-known/openid-configuration", "/keys"}


async def test_guessing_is_slowed_down_and_good_tokens_are_not(cloud: Cloud) -> None:
    async def took(token: str) -> tuple[int, bool]:
        begun = time.monotonic()
        status = (await cloud.call(token)).status_code
        return status, time.monotonic() - begun >= brake.seconds

    brake = cloud.gate.brake
    kept = brake.seconds, brake.most
    cloud.gate._lockout = Lockout()
    brake.seconds = 0.3
    try:
        for number in range(ATTEMPTS):
            assert await took(f"guess.{number}.x") == (401, False)
        assert await took("guess.more.x") == (401, True)
        assert await took("recon-cli more") == (401, True)
        assert await took(cloud.issuer.token()) == (200, False)
        brake.most = 1
        answers = await asyncio.gather(*(cloud.call(f"guess.at.once{n}") for n in range(3)))
        assert sorted(answer.status_code for answer in answers) == [401, 503, 503]
        assert await took(cloud.issuer.token()) == (200, False)
    finally:
        brake.seconds, brake.most = kept
        cloud.gate._lockout = Lockout()


async def test_two_credentials_in_one_call_are_none(cloud: Cloud) -> None:
    good = ("authorization", f"Bearer {cloud.issuer.token()}")
    answer = await cloud.client.get("/openidm/info/login", headers=[good, ("authorization", "Bearer x")])
    assert answer.status_code == 401


def _own(**more: Any) -> Callable[[InstallationKey, Issuer], str]:
    """A token of this installation, but for what is given."""

    def forge(own: InstallationKey, _issuer: Issuer) -> str:
        now = int(time.time())
        told = {"iss": own.issuer, "aud": "recon", "sub": "openidm-admin", "exp": now + 60} | more
        return compact({"alg": "EdDSA", "kid": own.id}, told, own.key, "EdDSA")

    return forge


def _stranger(own: InstallationKey, _issuer: Issuer) -> str:
    claims = {"iss": own.issuer, "aud": "recon", "sub": "openidm-admin", "exp": _SOON}
    return compact({"alg": "EdDSA", "kid": own.id}, claims, OKPKey.generate_key("Ed25519"), "EdDSA")


def _other_installation(_own_key: InstallationKey, _issuer: Issuer) -> str:
    return InstallationKey(OKPKey.generate_key("Ed25519")).sign("openidm-admin", [], 60, int(time.time()))


@pytest.mark.parametrize(
    "forge",
    [
        _stranger,
        _other_installation,
        _own(aud="other"),
        _own(exp=1),
        _own(exp=None),
        _own(jti="lost-token"),
        _own(iss="urn:recon:other"),
        lambda own, issuer: compact(
            issuer.header(), {"iss": own.issuer, "aud": "recon", "sub": "x", "exp": _SOON}, issuer.rsa
        ),
        lambda own, issuer: compact(
            {"alg": "EdDSA", "kid": own.id}, issuer.claims(), own.key, "EdDSA"
        ),  # ours, but it says that it is of the issuer
        lambda own, _issuer: compact(
            {"alg": "EdDSA"}, {"iss": own.issuer, "aud": "recon", "sub": "x", "exp": _SOON}, own.key, "EdDSA"
        ),
    ],
)
async def test_only_the_key_of_this_installation_signs_for_it(
    cloud: Cloud, forge: Callable[[InstallationKey, Issuer], str]
) -> None:
    own = installation_key.create(cloud.data)
    good = own.sign("openidm-admin", [], 60, int(time.time()))
    assert (await cloud.call(good)).status_code == 200
    assert (await cloud.call(forge(own, cloud.issuer))).status_code == 401
