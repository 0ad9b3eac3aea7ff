"""What filters and sort keys can name of a two-way run and of a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from conf.filters.ast import Comparison
from conf.pointer import Pointer
from flows.store.filter_sql import Columns, Constant, JsonMember, Member, TextColumn, TimeColumn
from flows.store.json_sql import Condition, JsonSql, any_of

RUN_MEMBERS: Final = Columns(
    {
        "_id": TextColumn("id"),
        "_rev": Constant("0"),
        "name": TextColumn("name"),
        "status": TextColumn("status"),
        "trigger": TextColumn("trigger"),
        "userId": TextColumn("user_id"),
        "direction": TextColumn("direction"),
        "started": TimeColumn("started"),
        "ended": TimeColumn("ended"),
        "message": TextColumn("message"),
        "counts": JsonMember("counts", ()),
        "notification": JsonMember("mail", ()),
    }
)

SIDES: Final = ("idm_before", "idm_after", "resource_before", "resource_after")


@dataclass(frozen=True, slots=True)
class AnySide:
    """An attribute on either side, before or after: what a person means who looks for a value."""

    pointer: Pointer

    def compare(self, words: JsonSql, comparison: Comparison) -> Condition:
        return any_of(each.compare(words, comparison) for each in self._sides())

    def present(self, words: JsonSql) -> Condition:
        return any_of(each.present(words) for each in self._sides())

    def order(self, words: JsonSql) -> list[str]:
        return [expression for each in self._sides() for expression in each.order(words)]

    def _sides(self) -> list[JsonMember]:
        return [JsonMember(side, self.pointer) for side in SIDES]


@dataclass(frozen=True)
class ResultMembers:
    """Members of a result; `attribute/mail` is the attribute `mail` of any side."""

    columns: Columns

    def member(self, pointer: Pointer) -> Member:
        if len(pointer) > 1 and pointer[0] == "attribute":
            return AnySide(pointer[1:])
        return self.columns.member(pointer)


RESULT_MEMBERS: Final = ResultMembers(
    Columns(
        {
            "_id": TextColumn("cast(seq as text)"),
            "_rev": Constant("0"),
            "case": TextColumn("category"),
            "situation": TextColumn("situation"),
            "response": TextColumn("response"),
            "principal": TextColumn("principal"),
            "idmObjectId": TextColumn("idm_id"),
            "resourceObjectId": TextColumn("resource_id"),
            "status": TextColumn("status"),
            "message": TextColumn("message"),
            "idmBefore": JsonMember("idm_before", ()),
            "idmAfter": JsonMember("idm_after", ()),
            "resourceBefore": JsonMember("resource_before", ()),
            "resourceAfter": JsonMember("resource_after", ()),
        }
    )
)
