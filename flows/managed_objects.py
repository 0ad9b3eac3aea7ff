"""What a managed object must be before it is stored: its id, defaults, policies, secrets and unique key.

Everything here decides and nothing does I/O, so REST, scripts and a page of a reconciliation go by the same rules.
Uniqueness and existence are the store's to tell; their errors are made here.
"""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from conf.errors import BadRequest, Forbidden, NotFound, PreconditionFailed
from conf.managed_schema import ManagedType
from flows import object_policies
from flows.engine.copying import copy_json
from flows.object_policies import Policies
from flows.policy_rules import UNADDRESSABLE
from flows.store.managed import Stored, rev_text

Json = dict[str, Any]

LONGEST_ID: Final = 255
LONGEST_KEY: Final = 1000
"""Of a unique value; longer ones fit no index."""
_OWN: Final = frozenset({"_id", "_rev"})


@dataclass(frozen=True)
class Prepared:
    """An object that may be stored as far as it alone can tell."""

    id: str
    body: Json
    """Without `_id`, `_rev` and secrets."""
    secrets_plain: dict[str, str] = field(default_factory=dict)
    """New secrets, to be hashed; an empty text takes the secret away."""
    unique_key: str | None = None
    """Normalised value of the type's unique property."""


def prepare_create(type: ManagedType, content: Mapping[str, Any], *, id: str | None = None) -> Prepared:
    """A new object; an `_id` in the content counts more than the given one, without either it gets a UUID.

    Raises Forbidden with the failed policies, BadRequest for what no object can be.
    """
    chosen = checked_id(content.get("_id") or id or str(uuid.uuid4()))
    full = {name: value for name, value in content.items() if name not in _OWN}
    for name, value in type.defaults.items():
        if full.get(name) is None or name in type.virtual:
            full[name] = copy_json(value)
    _validate(type, full, kept=())
    return _split(type, chosen, full)


def prepare_update(
    type: ManagedType, stored: Stored, content: Mapping[str, Any], *, complete: bool = False
) -> Prepared:
    """The object as the content replaces it.

    Answers do not show secrets, private properties and relationships, so content that lacks one leaves it as it is;
    null takes it away. `complete` content was made from all but the secrets, so what it lacks is gone.
    """
    full = {name: value for name, value in content.items() if name not in _OWN}
    unseen = type.virtual if complete else type.private | type.hidden | type.virtual
    for name in unseen - type.secrets:
        if name in stored.body and (name not in full or name in type.virtual):
            full[name] = stored.body[name]
    kept = {name for name in type.secrets if name not in full and name in (stored.secrets or {})}
    _validate(type, full, kept)
    return _split(type, stored.id, full)


def _validate(type: ManagedType, full: Json, kept: Collection[str]) -> None:
    for name in type.relationships:
        if full.get(name) is not None:
            _check_relationship(name, full[name])
    if failed := object_policies.failures(policies_of(type), full, kept=kept):
        raise object_policies.refuse(failed)


def _check_relationship(name: str, value: Any) -> None:
    for reference in value if isinstance(value, list) else [value]:
        if not isinstance(reference, dict) or not isinstance(reference.get("_ref"), str):
            raise BadRequest(f"{name}: a relationship is an object with '_ref', such as internal/role/x")


def _split(type: ManagedType, id: str, full: Json) -> Prepared:
    if not type.secrets:
        return Prepared(id, full, unique_key=unique_key(type, full))
    body = {name: value for name, value in full.items() if name not in type.secrets}
    secrets = {name: _secret_text(name, full[name]) for name in type.secrets if name in full}
    return Prepared(id, body, secrets, unique_key(type, full))


def _secret_text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "$crypto" in value:
        raise BadRequest(
            f"{name}: encrypted values of another server cannot be read here; send the plain value"
        )
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def checked_id(id: Any) -> str:
    """The id, if an object can have it: a text that fits a path segment and an index."""
    if not isinstance(id, str):
        raise BadRequest("The '_id' of an object is a text")
    if not id or len(id) > LONGEST_ID:
        raise BadRequest(f"The '_id' of an object has 1 to {LONGEST_ID} characters")
    if id in {".", ".."} or UNADDRESSABLE.search(id):
        raise BadRequest(f"The '_id' {id!r} cannot be: it holds a slash or a control character")
    return id


def unique_key(type: ManagedType, body: Mapping[str, Any]) -> str | None:
    """The value that no other object of the type may have, in the form in which it is compared."""
    if not type.unique or (value := body.get(type.unique[0])) is None or value == "":
        return None
    key = normalised(value if isinstance(value, str) else orjson.dumps(value).decode())
    if len(key) > LONGEST_KEY:
        raise BadRequest(f"{type.unique[0]} is unique and may have at most {LONGEST_KEY} characters")
    return key


def normalised(text: str) -> str:
    """One form for all spellings of a name: composed, without case, without blanks around it."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return unicodedata.normalize("NFC", folded).strip()


def exists_already(id: str) -> PreconditionFailed:
    """The error of a create whose id is taken."""
    return PreconditionFailed("Create rejected as Object with same ID already exists")


def not_unique(type: ManagedType) -> Forbidden:
    """The error of a write whose unique value another object has."""
    return object_policies.not_unique(type.unique[0] if type.unique else "_id")


def not_there(type: str, id: str) -> NotFound:
    """The error for an id that does not exist."""
    return NotFound(f"Object {id} not found in managed/{type}")


def check_revision(stored: Stored, revision: str | None, verb: str) -> None:
    """Refuse to write over a revision that the caller has not seen; `verb` is Update or Delete."""
    if revision is not None and revision != rev_text(stored.rev):
        raise PreconditionFailed(
            f"{verb} rejected as current Object revision is different than expected by caller, the object has "
            f"changed since retrieval: expected {revision}, found {rev_text(stored.rev)}"
        )


_COMPILED: dict[int, tuple[ManagedType, Policies]] = {}


def policies_of(type: ManagedType) -> Policies:
    """The policies of a type by property, worked out once for each type in force."""
    known = _COMPILED.get(id(type))
    if known is None or known[0] is not type:
        if len(_COMPILED) > 200:  # types that a changed configuration has left behind
            _COMPILED.clear()
        raw = {name: prop.raw for name, prop in type.properties.items()}
        required = [name for name, prop in type.properties.items() if prop.required]
        known = (type, object_policies.read_policies({"properties": raw, "required": required}))
        _COMPILED[id(type)] = known
    return known[1]
