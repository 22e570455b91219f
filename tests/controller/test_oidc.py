"""Bearer tokens of an identity provider: what proves something is let in, all else is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import jwt
import pytest
from api_kit import api_room
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from loopback import Told, serving
from supervision_kit import START

from controller.api import build_app
from controller.auth import NotKnown, Principal, Role
from controller.oidc import OidcSettings, OidcVerifier, fetch_json, parse_roles
from plant.errors import ConfigError

ISSUER = "https://login.example"
SETTINGS = OidcSettings(ISSUER, "coolwright", {"dc-ops": Role.OPERATOR, "dc-eng": Role.ENGINEER})


@cache
def key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issuer:
    """An identity provider that signs with the keys it is told to, and counts who asks."""

    url: str = ISSUER
    keys: list[str] = field(default_factory=lambda: ["one"])
    away: bool = False
    asked: int = 0

    def fetch(self, url: str) -> Any:
        self.asked += 1
        if self.away:
            raise OSError("no route to host")
        if url == f"{self.url}/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        public = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
        made = [json.loads(public.to_jwk(key(k).public_key())) for k in self.keys]
        return {"keys": [{**m, "kid": k, "use": "sig"} for m, k in zip(made, self.keys, strict=True)]}


def token(at: datetime = START, *, kid: str = "one", signed: str | None = None, **claims: Any) -> str:
    now = int(at.timestamp())
    usual = {
        "iss": ISSUER,
        "aud": "coolwright",
        "sub": "u-17",
        "iat": now,
        "exp": now + 3600,
        "roles": ["dc-ops"],
    }
    said = {k: v for k, v in {**usual, **claims}.items() if v is not None}
    return jwt.encode(said, key(signed or kid), algorithm="ES256", headers={"kid": kid})


def test_a_good_token_is_a_person_with_a_role() -> None:
    who = OidcVerifier(SETTINGS, Issuer().fetch).identify(token(roles=["x", "dc-ops", "dc-eng"]), START)
    assert isinstance(who, Principal)
    assert (who.name, who.role, who.token_id) == ("u-17", Role.ENGINEER, "oidc:u-17")


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"aud": "something-else"}, "Audience"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"exp": int(START.timestamp()) - 31}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": int(START.timestamp()) + 31}, "not valid yet"),
        ({"iat": int(START.timestamp()) + 31}, "not valid yet"),
        ({"exp": int(START.timestamp()) + 90_000}, "too long"),
        ({"exp": "soon"}, "times"),
        ({"roles": ["cook"]}, "no role"),
        ({"roles": None}, "no role"),
        ({"roles": {"dc-ops": True}}, "no role"),
        ({"sub": " "}, "no sub"),
        ({"signed": "another"}, "Signature"),
        ({"kid": "unheard-of"}, "key"),
    ],
)
def test_each_thing_that_is_wrong_is_denied(claims: dict[str, Any], says: str) -> None:
    answer = OidcVerifier(SETTINGS, Issuer().fetch).identify(token(**claims), START)
    assert isinstance(answer, NotKnown)
    assert says.lower() in answer.reason.lower()


def test_half_a_minute_of_clock_skew_is_forgiven() -> None:
    door = OidcVerifier(SETTINGS, Issuer().fetch)
    now = int(START.timestamp())
    assert isinstance(door.identify(token(exp=now - 29), START), Principal)
    assert isinstance(door.identify(token(iat=now + 29, nbf=now + 29), START), Principal)


def test_no_signature_and_a_shared_secret_prove_nothing() -> None:
    door = OidcVerifier(SETTINGS, Issuer().fetch)
    claims = jwt.decode(token(), options={"verify_signature": False})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "one"})
    public = key("one").public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    confused = jwt.encode(claims, public, algorithm="HS256", headers={"kid": "one"})
    for text in (unsigned, confused, "", "a.b.c", "cw_1_2"):
        assert isinstance(door.identify(text, START), NotKnown), text


def test_new_keys_are_found_old_ones_go_and_the_provider_is_not_pestered() -> None:
    issuer = Issuer()
    door = OidcVerifier(SETTINGS, issuer.fetch)
    assert isinstance(door.identify(token(), START), Principal)
    issuer.keys = ["two"]
    soon = START + timedelta(seconds=10)
    for _ in range(20):
        assert isinstance(door.identify(token(kid="two"), soon), NotKnown)
    assert issuer.asked == 2, "twenty strange tokens in ten seconds ask nobody"
    later = START + timedelta(seconds=31)
    assert isinstance(door.identify(token(kid="two"), later), Principal)
    assert isinstance(door.identify(token(), later), NotKnown), "the old key was withdrawn"


def test_without_the_provider_kept_keys_serve_a_day_and_no_keys_let_nobody_in() -> None:
    issuer = Issuer(away=True)
    door = OidcVerifier(SETTINGS, issuer.fetch)
    assert isinstance(door.identify(token(), START), NotKnown)
    issuer.away = False
    first = START + timedelta(minutes=1)
    assert isinstance(door.identify(token(first), first), Principal)
    issuer.away = True
    night, next_day = first + timedelta(hours=23), first + timedelta(hours=25)
    assert isinstance(door.identify(token(night), night), Principal)
    assert isinstance(door.identify(token(next_day), next_day), NotKnown)


def test_a_provider_that_points_elsewhere_in_plain_http_is_not_believed() -> None:
    def fetch(url: str) -> Any:
        return {"issuer": ISSUER, "jwks_uri": "http://elsewhere.example/keys", "keys": []}

    assert isinstance(OidcVerifier(SETTINGS, fetch).identify(token(), START), NotKnown)
    for url in ("http://login.example", "ftp://login.example", "login.example", "file:///etc/passwd"):
        with pytest.raises(ConfigError):
            OidcSettings(url, "coolwright", {"a": Role.VIEWER})


def test_roles_are_read_strictly_and_a_claim_may_lie_deeper() -> None:
    assert parse_roles("a=viewer, b=c=admin") == {"a": Role.VIEWER, "b=c": Role.ADMIN}
    with pytest.raises(ConfigError):
        parse_roles("ops=king")
    deep = OidcSettings(ISSUER, "coolwright", {"dc-ops": Role.OPERATOR}, roles_claim="realm_access.roles")
    door = OidcVerifier(deep, Issuer().fetch)
    said = token(roles=None, realm_access={"roles": ["dc-ops"]})
    assert isinstance(door.identify(said, START), Principal)


@pytest.fixture
def served() -> Iterator[Issuer]:
    """A provider on a real socket."""
    issuer = Issuer()
    with serving(lambda asked: Told(json.dumps(issuer.fetch(f"{issuer.url}{asked.path}")))) as site:
        issuer.url = site.url
        yield issuer


async def test_over_http_a_providers_operator_may_hold_and_not_change_modes(served: Issuer) -> None:
    from dataclasses import replace

    d = api_room()
    oidc = OidcVerifier(OidcSettings(served.url, "coolwright", SETTINGS.roles))
    d.app = build_app(replace(d.deps, oidc=oidc))
    d.tokens["person"] = token(iss=served.url)
    async with d.client("person") as c:
        assert (await c.get("/api/v1/whoami")).json()["name"] == "u-17"
        hold = {"target": "crah-1", "minutes": 60, "reason": "belt"}
        assert (await c.post("/api/v1/holds", json=hold)).json()["by"] == "u-17"
        assert (await c.put("/api/v1/modes/site", json={"mode": "shadow", "reason": "x"})).status_code == 403
    async with d.client("operator") as c:
        assert (await c.get("/api/v1/whoami")).json()["name"] == "operator-1", "our own tokens go on"
    d.tokens["person"] = token(iss=served.url, aud="other")
    async with d.client("person") as c:
        assert (await c.get("/api/v1/whoami")).status_code == 401
    with pytest.raises(OSError, match="refused"):
        fetch_json("http://127.0.0.1:1/nobody")
