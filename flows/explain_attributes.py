"""What a mapping would write, attribute by attribute, with secrets masked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from conf import pointer
from flows.engine.differences import attribute_changes, equal

if TYPE_CHECKING:
    from conf.mapping import AttributeMapping, ObjectMapping
    from conf.project import LiveProject
    from flows.engine.rules import Json
    from flows.explain_rules import Trace

MASK: Final = "********"
_TELLING: Final = ("password", "secret", "credential")


def secrets_of(project: LiveProject, container: str) -> frozenset[str]:
    """Attributes of a collection whose values nobody is shown."""
    kind, _, rest = container.partition("/")
    if kind == "managed" and (type := project.managed_types.get(rest)) is not None:
        return type.secrets | type.private
    name, _, object_type = rest.partition("/")
    connector = project.connectors.get(name) if kind == "system" else None
    found = connector.object_types.get(object_type) if connector is not None else None
    if found is None:
        return frozenset()
    return frozenset(
        attribute.name
        for attribute in found.attributes.values()
        if attribute.native_name == "__PASSWORD__" or "GUARDED" in attribute.native_type.upper()
    )


def is_secret(path: Iterable[str], secrets: frozenset[str]) -> bool:
    """Whether a pointer leads to a secret, by declaration or by its name."""
    return any(part in secrets or any(word in part.lower() for word in _TELLING) for part in path)


def masked(value: Any, secrets: frozenset[str]) -> Any:
    """The value without the secrets in it."""
    if isinstance(value, dict):
        return {
            key: MASK if is_secret((key,), secrets) and member is not None else masked(member, secrets)
            for key, member in value.items()
        }
    return [masked(member, secrets) for member in value] if isinstance(value, list) else value


class Attributes:
    """The table of attributes of one entry."""

    def __init__(self, project: LiveProject, mapping: ObjectMapping, trace: Trace) -> None:
        self._mapping = mapping
        self._trace = trace
        self._source_secrets = secrets_of(project, mapping.source)
        self._target_secrets = secrets_of(project, mapping.target)

    def rows(self, source: Json, before: Json | None, after: Json) -> list[Json]:
        """A row for each property, then for what else differs."""
        known = before or {}
        found = [
            self._row(number, rule, source, known, after)
            for number, rule in enumerate(self._mapping.properties)
        ]
        mapped = {rule.target[0] for rule in self._mapping.properties if rule.target}
        for change in attribute_changes(known, after):
            if change.attribute not in mapped and change.attribute != "_rev":
                hidden = is_secret((change.attribute,), self._target_secrets)
                found.append(
                    {
                        "target": change.attribute,
                        "source": None,
                        "sourceValue": None,
                        "rule": "a script of the mapping",
                        "old": _shown(change.before, hidden, self._target_secrets),
                        "new": _shown(change.after, hidden, self._target_secrets),
                        "changes": True,
                    }
                )
        return found

    def _row(self, number: int, rule: AttributeMapping, source: Json, before: Json, after: Json) -> Json:
        path = rule.source
        given = None if path is None else source if not path else pointer.get(source, path)
        old, new = pointer.get(before, rule.target), pointer.get(after, rule.target)
        hidden = is_secret(rule.target, self._target_secrets) or is_secret(path or (), self._source_secrets)
        secrets = self._source_secrets | self._target_secrets
        return {
            "target": rule.target_text,
            "source": None if path is None else "/".join(path) or "(whole object)",
            "sourceValue": _shown(given, hidden, secrets),
            "rule": self._rule(number, rule, given),
            "old": _shown(old, hidden, secrets),
            "new": _shown(new, hidden, secrets),
            "changes": not equal(old, new),
        }

    def _rule(self, number: int, rule: AttributeMapping, given: Any) -> str:
        trace = self._trace
        if rule.condition is not None and trace.value("property", number, "condition") is not True:
            return "condition false: left as it is"
        value = given
        if rule.transform is not None:
            value = trace.value("property", number, "transform")
        if value is None and rule.has_default:
            return "default"
        return "transformed" if rule.transform is not None else "as it is"


def _shown(value: Any, hidden: bool, secrets: frozenset[str]) -> Any:
    return MASK if hidden and value is not None else masked(value, secrets)
