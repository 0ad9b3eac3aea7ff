"""Reading a query filter, as loosely as the operators write it.

Keywords and operators in any letter case, single or double quotes, no blank needed beside quotes, parentheses and
brackets. `roles[/name eq "x"]` asks whether an element of a list fulfils the filter in it.
"""

import json
import math
import re
from functools import cache, lru_cache
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedCharacters, UnexpectedInput, UnexpectedToken, v_args
from lark.exceptions import VisitError

from conf import pointer
from conf.errors import BadRequest
from conf.filters.ast import OPERATORS, And, AnyElement, Comparison, Filter, Literal, Not, Or, Present, Scalar

MAX_BYTES: Final = 8192
MAX_DEPTH: Final = 20
MAX_CLAUSES: Final = 100
MAX_LISTS: Final = 3
"""Lists in lists: each is a query within the query."""

_GRAMMAR: Final = r"""
start: disjunction
?disjunction: conjunction (_OR conjunction)*   -> disjunction
?conjunction: negation (_AND negation)*        -> conjunction
?negation: "!" negation                        -> negation
         | primary
?primary: "(" disjunction ")"
        | TRUE                                 -> literal
        | FALSE                                -> literal
        | WORD PRESENT                         -> present
        | WORD OPERATOR value                  -> comparison
        | WORD "[" disjunction "]"             -> element
value: DOUBLE | SINGLE | NUMBER | TRUE | FALSE

_AND.2: /and(?![^\s()"'!\[\]])/i
_OR.2: /or(?![^\s()"'!\[\]])/i
TRUE.2: /true(?![^\s()\]])/i
FALSE.2: /false(?![^\s()\]])/i
PRESENT.2: /pr(?![^\s()\]])/i
OPERATOR: /[^\s()"'!\[\]]+/
WORD: /[^\s()"'!\[\]][^\s()"'\[\]]*/
NUMBER: /-?\d+(\.\d+)?([eE][-+]?\d+)?(?![^\s()\]])/
DOUBLE: /"(?:[^"\\]|\\.)*"/s
SINGLE: /'(?:[^'\\]|\\.)*'/s
%ignore /\s+/
"""

_EXPECTED: Final = {
    "WORD": "the name of a member",
    "OPERATOR": "an operator",
    "DOUBLE": "a value (text in quotes, a number, true or false)",
    "_AND": "'and', 'or' or the end",
    "$END": "the end",
    "RPAR": "')'",
    "RSQB": "']'",
}

_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}

#: plain clauses; correlation writes some for each object, and the grammar would take most of that time
_PLAIN: Final = re.compile(r'\s*(/?[A-Za-z_][\w/]*)\s+(eq|co|sw|lt|le|gt|ge)\s+"([^"\\]*)"\s*', re.ASCII)
_JOIN: Final = re.compile(r"(and|or)\s", re.IGNORECASE)


@lru_cache(maxsize=4096)
def parse(text: str) -> Filter:
    """The syntax tree of a filter; BadRequest names the position and what was expected there."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        raise BadRequest(f"The query filter is longer than {MAX_BYTES} bytes; split it into several queries")
    return _measured(_short_way(text) or _by_grammar(text), text)


def _short_way(text: str) -> Filter | None:
    """A filter of plain clauses joined by one word, without the grammar; None for any other."""
    clauses: list[Filter] = []
    joins: set[str] = set()
    position = 0
    while (clause := _PLAIN.match(text, position)) and clause[1].lower() not in ("true", "false"):
        clauses.append(Comparison(pointer.parse(clause[1]), clause[2], clause[3]))
        position = clause.end()
        if position == len(text):
            whole = tuple(clauses)
            return whole[0] if len(whole) == 1 else Or(whole) if joins == {"or"} else And(whole)
        join = _JOIN.match(text, position)
        if join is None:
            return None
        joins.add(join[1].lower())
        position = join.end()
        if len(joins) > 1:
            return None
    return None


def _by_grammar(text: str) -> Filter:
    try:
        found: Any = _parser().parse(text)
    except VisitError as failure:
        if isinstance(failure.orig_exc, BadRequest):
            raise failure.orig_exc from None
        raise
    except UnexpectedInput as failure:
        raise BadRequest(_sentence(text, failure)) from None
    tree: Filter = found
    return tree


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=_Tree())


@v_args(inline=True)
class _Tree(Transformer[Token, Filter]):
    """Builds our tree while lark parses, so that hostile nesting never recurses."""

    def start(self, tree: Filter) -> Filter:
        return tree

    def disjunction(self, *operands: Filter) -> Filter:
        return operands[0] if len(operands) == 1 else Or(operands)

    def conjunction(self, *operands: Filter) -> Filter:
        return operands[0] if len(operands) == 1 else And(operands)

    def negation(self, operand: Filter) -> Filter:
        return Not(operand)

    def literal(self, word: Token) -> Filter:
        return Literal(word.lower() == "true")

    def present(self, path: Token, _word: Token) -> Filter:
        return Present(pointer.parse(path))

    def element(self, path: Token, operand: Filter) -> Filter:
        return AnyElement(pointer.parse(path), operand)

    def comparison(self, path: Token, operator: Token, value: Scalar) -> Filter:
        name = operator.lower()
        if name not in OPERATORS:
            known = ", ".join((*OPERATORS, "pr"))
            raise BadRequest(
                f"Unknown operator '{operator}' at position {_position(operator)} of the query filter; "
                f"known are {known}"
            )
        if name == "in":
            return Comparison(pointer.parse(path), name, _members(value, operator))
        return Comparison(pointer.parse(path), name, value)

    def value(self, token: Token) -> Scalar:
        match token.type:
            case "DOUBLE" | "SINGLE":
                return _unescape(token[1:-1])
            case "NUMBER":
                return _number(token)
            case _:
                return token.lower() == "true"


def _position(token: Token) -> int:
    return (token.start_pos or 0) + 1


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text

    def plain(escape: re.Match[str]) -> str:
        code, letter = escape.groups()
        return chr(int(code, 16)) if code else _ESCAPED.get(letter, letter)

    # two escapes of a surrogate pair are one character
    joined = _ESCAPE.sub(plain, text)
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(token: Token) -> int | float:
    if token.lstrip("-").isdigit():
        if len(token) <= 20 and -(2**63) <= (whole := int(token)) < 2**63:
            return whole
    elif math.isfinite(broken := float(token)):
        return broken
    raise BadRequest(f"The number at position {_position(token)} of the query filter is out of range")


def _members(value: Scalar, operator: Token) -> tuple[Scalar, ...]:
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if not isinstance(found, list) or any(isinstance(member, list | dict | None) for member in found):
        raise BadRequest(
            f"The operator 'in' at position {_position(operator)} of the query filter needs a JSON array of "
            """texts, numbers or booleans in quotes: userName in '["a", "b"]'"""
        )
    return tuple(found)


def _measured(tree: Filter, text: str) -> Filter:
    clauses, pending = 0, [(tree, 1, 0)]
    while pending:
        node, depth, lists = pending.pop()
        if depth > MAX_DEPTH:
            raise BadRequest(f"The query filter is nested deeper than {MAX_DEPTH} levels")
        if lists > MAX_LISTS:
            raise BadRequest(f"The query filter has lists in lists deeper than {MAX_LISTS} levels")
        match node:
            case Not(operand):
                pending.append((operand, depth + 1, lists))
            case AnyElement(operand=operand):
                pending.append((operand, depth + 1, lists + 1))
            case And(operands) | Or(operands):
                pending.extend((operand, depth + 1, lists) for operand in operands)
            case _:
                clauses += 1
    if clauses > MAX_CLAUSES:
        raise BadRequest(f"The query filter has {clauses} clauses; at most {MAX_CLAUSES} are taken")
    if text.count("(") > MAX_CLAUSES * 2:
        raise BadRequest("The query filter has too many parentheses")
    return tree


def _sentence(text: str, failure: UnexpectedInput) -> str:
    shown = text if len(text) <= 200 else text[:197] + "..."
    said = f"'{shown}' is not a valid query filter:"
    expected: set[str] = set()
    position = failure.pos_in_stream if isinstance(failure.pos_in_stream, int) else len(text)
    if isinstance(failure, UnexpectedToken):
        expected = set(failure.accepts or failure.expected)
        if failure.token.type == "$END":
            position = len(text)
    elif isinstance(failure, UnexpectedCharacters):
        expected = set(failure.allowed or ())
        if text[position] in "\"'" and "DOUBLE" in expected:
            return f"{said} the quote at position {position + 1} is never closed"
    wanted = next((words for name, words in _EXPECTED.items() if name in expected), "something else")
    return f"{said} {wanted} was expected at position {position + 1}"
