"""What a small world is made of: every rule as plain Python, and as the text that a mapping writes for it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


class Thrown(Exception):
    """A script threw; the message is the thrown one."""


@dataclass(frozen=True)
class Test:
    """One comparison of a top-level attribute, perhaps negated."""

    __test__ = False
    attribute: str
    value: Any
    negated: bool = False

    def in_filter(self, found: Json | None, *, ignore_case: bool) -> bool:
        """As query filters compare: by type, numbers as numbers, a list by any of its elements."""
        value = (found or {}).get(self.attribute)
        elements = value if isinstance(value, list) else [value]
        return self.negated ^ any(filter_equal(element, self.value, ignore_case) for element in elements)

    def in_script(self, found: Json | None) -> bool:
        """As `found && found.attribute === value` compares."""
        return self.negated ^ (found is not None and script_equal(found.get(self.attribute), self.value))

    def filter(self, prefix: str = "") -> str:
        text = f"{prefix}{self.attribute} eq {json.dumps(self.value)}"
        return f"!({text})" if self.negated else text

    def script(self, name: str) -> str:
        given = f"typeof {name} !== 'undefined' && {name} !== null"
        text = f"{given} && {name}.{self.attribute} === {json.dumps(self.value)}"
        return f"!({text})" if self.negated else f"({text})"


def filter_equal(found: Any, wanted: Any, ignore_case: bool) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower() if ignore_case else found == wanted
    return (
        isinstance(found, bool) == isinstance(wanted, bool) and not isinstance(found, str) and found == wanted
    )


def script_equal(found: Any, wanted: Any) -> bool:
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted


@dataclass(frozen=True)
class Condition:
    """A condition of a mapping: a filter or a script over the source, or a filter over the qualifier."""

    test: Test
    form: str = "filter"
    """`filter`, `script`, or `throws`: a script that throws where the test holds."""

    def holds(self, source: Json | None, qualifier: str) -> bool:
        if self.form == "filter":
            scope = {"linkQualifier": qualifier} if self.test.attribute == "linkQualifier" else source
            return self.test.in_filter(scope, ignore_case=True)
        held = self.test.in_script(source)
        if held and self.form == "throws":
            raise Thrown("condition")
        return held

    def text(self, name: str) -> Any:
        if self.form == "filter":
            return self.test.filter("/" if self.test.attribute == "linkQualifier" else f"/{name}/")
        thrown = "throw {code: 400, message: 'condition'}" if self.form == "throws" else "true"
        return script(f"if ({self.test.script(name)}) {{ {thrown} }} else {{ false }}")


@dataclass(frozen=True)
class Validity:
    """validSource or validTarget: an answer for each object, not always a boolean one."""

    test: Test
    held: Any = True
    otherwise: Any = False
    """`"throw"` throws; any other text is an answer that is no boolean."""

    def answer(self, found: Json | None) -> Any:
        outcome = self.held if self.test.in_script(found) else self.otherwise
        if outcome == "throw":
            raise Thrown("validity")
        return outcome

    def text(self, name: str) -> Json:
        def branch(outcome: Any) -> str:
            return "throw {code: 400, message: 'validity'}" if outcome == "throw" else json.dumps(outcome)

        return script(
            f"if ({self.test.script(name)}) {{ {branch(self.held)} }} else {{ {branch(self.otherwise)} }}"
        )


@dataclass(frozen=True)
class Asked:
    """An action script: an answer for each source; None, `"NOSUCH"` and `"throw"` are among them."""

    test: Test
    held: str | None
    otherwise: str | None

    def answer(self, source: Json | None) -> str | None:
        outcome = self.held if self.test.in_script(source) else self.otherwise
        if outcome == "throw":
            raise Thrown("action")
        return outcome

    def text(self) -> Json:
        def branch(outcome: str | None) -> str:
            return "throw {code: 400, message: 'action'}" if outcome == "throw" else json.dumps(outcome)

        return script(
            f"if ({self.test.script('source')}) {{ {branch(self.held)} }} else {{ {branch(self.otherwise)} }}"
        )


@dataclass(frozen=True)
class Refusal:
    """A hook that throws for some sources or targets; on others it may leave a mark on the target."""

    test: Test
    over: str = "source"
    mark: str | None = None

    def run(self, name: str, source: Json | None, target: Json | None) -> None:
        if self.test.in_script(source if self.over == "source" else target):
            raise Thrown(name)
        if self.mark is not None and target is not None:
            target["mark"] = self.mark

    def text(self, name: str) -> Json:
        mark = "" if self.mark is None else f"target.mark = {json.dumps(self.mark)};"
        return script(
            f"if ({self.test.script(self.over)}) {{ throw {{code: 400, message: '{name}'}} }} {mark} 1"
        )


@dataclass(frozen=True)
class Policy:
    """One policy."""

    situation: str
    action: str | Asked
    condition: Condition | None = None
    post_action: Refusal | None = None

    def text(self) -> Json:
        found: Json = {
            "situation": self.situation,
            "action": self.action if isinstance(self.action, str) else self.action.text(),
        }
        if self.condition is not None:
            found["condition"] = self.condition.text("object")
        if self.post_action is not None:
            found["postAction"] = self.post_action.text("postAction")
        return found


@dataclass(frozen=True)
class Property:
    """One property: `target` may be `parent/member`."""

    target: str
    source: str | None = None
    default: Any = None
    condition: Condition | None = None
    transform: str | None = None
    """`qualifier` puts the link qualifier before the value, `throws` throws for the value `"A"`."""

    def value(self, source: Json, qualifier: str) -> Any:
        value = None if self.source is None else source.get(self.source)
        if self.transform == "qualifier":
            value = f"{qualifier}:{'null' if value is None else value}"
        if self.transform == "throws":
            if value == "A":
                raise Thrown(f"Transformation script error :  transform for attribute '{self.target}'")
            if isinstance(value, float) and value.is_integer():
                value = int(value)  # a script's number has no other form
        return self.default if value is None else value

    def text(self) -> Json:
        found: Json = {"target": self.target}
        if self.source is not None:
            found["source"] = self.source
        if self.default is not None:
            found["default"] = self.default
        if self.condition is not None:
            found["condition"] = self.condition.text("object")
        if self.transform == "qualifier":
            found["transform"] = script("linkQualifier + ':' + source")
        if self.transform == "throws":
            found["transform"] = script(
                "if (source === 'A') { throw {code: 400, message: 'transform'} } source"
            )
        return found


@dataclass(frozen=True)
class Correlation:
    """How sources find targets: by equal attributes for some qualifiers, or by a list of ids that the source holds."""

    queries: tuple[str, ...] = ()
    """Qualifiers with a query on the attribute `mail`."""
    by_script: bool = False
    fails_for: Test | None = None
    """Sources for which the script throws."""
    breaks_for: Test | None = None
    """Sources for which the answer is no query (no list), which breaks the run off."""
    on_empty_target_set: bool = False

    def applies(self, qualifier: str) -> bool:
        return self.by_script or qualifier in self.queries

    def text(self) -> Json:
        fails = self._guard(self.fails_for, "throw {code: 400, message: 'correlation'}")
        breaks = self._guard(self.breaks_for, "'nonsense'")
        found: Json = {"correlateEmptyTargetSet": self.on_empty_target_set}
        if self.by_script:
            ids = "(source.refs || []).map(function (id) { return {_id: id} })"
            found["correlationScript"] = script(f"{fails}{breaks}{{ {ids} }}")
        elif self.queries:
            query = "({_queryFilter: 'mail eq \"' + source.mail + '\"'})"
            found["correlationQuery"] = [
                {**script(f"{fails}{breaks}{{ {query} }}"), "linkQualifier": name} for name in self.queries
            ]
        return found

    @staticmethod
    def _guard(test: Test | None, act: str) -> str:
        return "" if test is None else f"if ({test.script('source')}) {{ {act} }} else "


HOOKS = ("onCreate", "onUpdate", "onDelete", "onLink", "onUnlink", "postMapping")


@dataclass(frozen=True)
class Mapping:
    """Everything that decides how a world is reconciled."""

    qualifiers: tuple[str, ...] = ("default",)
    other_for: Condition | None = None
    """Sources to which all qualifiers apply, as a script says; to the rest only the first. None: all to all."""
    linking: bool = True
    prefetch_links: bool = True
    valid_source: Validity | None = None
    valid_target: Validity | None = None
    source_condition: Condition | None = None
    correlation: Correlation = Correlation()
    properties: tuple[Property, ...] = ()
    policies: tuple[Policy, ...] = ()
    hooks: Json = field(default_factory=dict)
    """Refusal by the name of the hook."""

    def qualifiers_of(self, source: Json | None) -> tuple[str, ...]:
        if self.other_for is None or self.other_for.holds(source, ""):
            return self.qualifiers
        return self.qualifiers[:1]

    def qualifiers_text(self) -> Any:
        every, first = json.dumps(self.qualifiers), json.dumps(self.qualifiers[:1])
        rule = self.other_for
        if rule is None:
            return list(self.qualifiers)
        held = "throw {code: 400, message: 'qualifiers'}" if rule.form == "throws" else every
        asked = f"if ({rule.test.script('object')}) {{ {held} }} else {{ {first} }}"
        return script(f"if (returnAll) {{ {every} }} else {asked}")

    def text(self) -> Json:
        """The mapping as sync.json has it."""
        found: Json = {
            "name": "small",
            "source": "managed/src",
            "target": "managed/dst",
            "enableSync": False,
            "linkQualifiers": self.qualifiers_text(),
            "enableLinking": self.linking,
            "prefetchLinks": self.prefetch_links,
            "properties": [one.text() for one in self.properties],
            "policies": [one.text() for one in self.policies],
            **self.correlation.text(),
            **{name: hook.text(name) for name, hook in self.hooks.items()},
        }
        if self.valid_source is not None:
            found["validSource"] = self.valid_source.text("source")
        if self.valid_target is not None:
            found["validTarget"] = self.valid_target.text("target")
        if self.source_condition is not None:
            found["sourceCondition"] = self.source_condition.text("source")
        return found


@dataclass(frozen=True)
class Launched:
    """One run as it is asked for."""

    ids: tuple[str, ...] | None = None
    """Of reconById."""
    source_query: Test | None = None
    target_query: Test | None = None
    target_phase: bool | None = None
    allow_empty: bool = False
    analysis: bool = False

    @property
    def runs_target_phase(self) -> bool:
        return self.ids is None if self.target_phase is None else self.target_phase

    def overrides(self) -> Json:
        found: Json = {"allowEmptySourceSet": self.allow_empty}
        if self.target_phase is not None:
            found["runTargetPhase"] = self.target_phase
        for name, test in (("sourceQuery", self.source_query), ("targetQuery", self.target_query)):
            if test is not None:
                found[name] = {"_queryFilter": test.filter()}
        return found


def script(source: str) -> Json:
    return {"type": "text/javascript", "source": source}
