"""The columns behind one object type, as the catalogue of the database knows them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    FromClause,
    MetaData,
    Table,
    cast,
    inspect,
    literal,
    select,
    text,
    types,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Inspector
from sqlalchemy.exc import NoSuchTableError, SAWarning
from sqlalchemy.ext.asyncio import AsyncConnection

from conf.document import did_you_mean
from flows.connectors.base import SourceUnreadable
from flows.connectors.sql_config import SqlConfig, TableType
from flows.connectors.sql_parameters import written
from flows.connectors.sql_values import Kind, kind_of_type, reader

UID, NAME, PASSWORD = "__UID__", "__NAME__", "__PASSWORD__"
#: PostgreSQL's short names of types, which a prepared query tells
_POSTGRES: Final[dict[str, types.TypeEngine[Any]]] = {
    "text": types.Text(),
    "varchar": types.String(),
    "bpchar": types.CHAR(),
    "name": types.String(),
    "int2": types.SmallInteger(),
    "int4": types.Integer(),
    "int8": types.BigInteger(),
    "numeric": types.Numeric(),
    "float4": types.Float(),
    "float8": types.Float(),
    "bool": types.Boolean(),
    "timestamp": types.DateTime(),
    "timestamptz": types.DateTime(timezone=True),
    "date": types.Date(),
    "time": types.Time(),
    "json": postgresql.JSON(),
    "jsonb": postgresql.JSONB(),
    "uuid": types.Uuid(),
    "bytea": types.LargeBinary(),
}


@dataclass(frozen=True)
class Place:
    """One column."""

    name: str
    column: ColumnElement[Any]
    """To read and to compare."""
    kind: Kind
    type: types.TypeEngine[Any]
    """As the catalogue has it; a loose database's column itself has no type."""
    native: types.TypeEngine[Any] | None = None
    """The type that a text must be made to be written, where a column of an uncommon type is read as text."""
    is_nullable: bool = True
    is_computed: bool = False

    @classmethod
    def of(
        cls,
        column: Column[Any],
        type_: types.TypeEngine[Any],
        *,
        is_loose: bool,
        is_nullable: bool = True,
        is_computed: bool = False,
    ) -> Place:
        kind = kind_of_type(type_)
        if kind is Kind.ANY and not is_loose:
            text_ = types.Text()
            return cls(
                str(column.name), cast(column, text_), Kind.TEXT, text_, type_, is_nullable, is_computed
            )
        return cls(str(column.name), column, kind, type_, None, is_nullable, is_computed)


@dataclass(frozen=True)
class Layout:
    """An object type's rows: where they are, and which column each member is."""

    kind: TableType
    source: FromClause
    table: Table | None
    """To write; a query has none."""
    is_loose: bool
    """SQLite: any value in any column."""
    places: Mapping[str, Place]
    """By column."""
    members: Mapping[str, str]
    """Member -> column; `_id` is the first."""
    hidden: frozenset[str]
    """Members that are not read."""
    on_demand: frozenset[str]
    """Members that come only when they are asked for."""
    has_unique_key: bool
    """The catalogue says that no two rows have the same key."""

    @property
    def key(self) -> Place:
        return self.places[self.kind.key]

    def place(self, member: str) -> Place:
        return self.places[self.members[member]]

    def declared_type(self, member: str) -> str:
        """The type that the provisioner file gives a member; empty when it does not say."""
        if member == "_id":
            return "string"
        body = self.kind.attributes.get(member)
        return body.type if body is not None and "type" in _body(self.kind, member) else ""

    def reader(self, member: str) -> Callable[[Any], Any] | None:
        place = self.place(member)
        return reader(place.kind, place.type, self.declared_type(member), is_loose=self.is_loose)

    def id_of(self, key: Any) -> str:
        """The id of a row with this key, as the driver gives it."""
        read = self.reader("_id")
        return str(read(key) if read else key)

    def written(self, member: str, value: Any) -> Any:
        """The value for the member's column; BadRequest when it is none."""
        place = self.place(member)
        made = written(member, value, place.kind, place.type, is_loose=self.is_loose)
        return made if place.native is None or made is None else cast(literal(made, place.type), place.native)


async def read_layout(connection: AsyncConnection, config: SqlConfig, kind: TableType) -> Layout:
    """Ask the catalogue; SourceUnreadable names what it does not have."""
    if kind.query:
        return await _query(connection, config, kind)
    with warnings.catch_warnings():  # of types and indexes that SQLAlchemy does not know
        warnings.simplefilter("ignore", SAWarning)
        return await connection.run_sync(_table, config, kind)


def _table(connection: Connection, config: SqlConfig, kind: TableType) -> Layout:
    inspector = inspect(connection)
    try:
        found = Table(kind.table, MetaData(), schema=kind.schema, autoload_with=connection, resolve_fks=False)
    except NoSuchTableError:
        known = [*inspector.get_table_names(kind.schema), *inspector.get_view_names(kind.schema)]
        hint = did_you_mean(kind.table, known) or f" It has {', '.join(known) or 'none'}."
        raise SourceUnreadable(
            f"{config.where}: {config.address} has no table {kind.table!r}.{hint}",
            detail={"reason": "SCHEMA", "table": kind.table},
        ) from None
    is_loose = connection.dialect.name == "sqlite"
    # without the catalogue's keys and defaults, which the database knows best
    plain = [Column(column.name, types.NullType() if is_loose else column.type) for column in found.columns]
    source = Table(kind.table, MetaData(), *plain, schema=kind.schema)
    places = {
        str(column.name): Place.of(  # a plain text, which the catalogue's name is not
            source.columns[column.name],
            column.type,
            is_loose=is_loose,
            is_nullable=bool(column.nullable),
            is_computed=column.computed is not None,
        )
        for column in found.columns
    }
    return _layout(config, kind, source, places, is_loose, has_unique_key=_is_unique(inspector, found, kind))


def _is_unique(inspector: Inspector, table: Table, kind: TableType) -> bool:
    wanted = [kind.key]
    if [column.name for column in table.primary_key.columns] == wanted:
        return True
    if kind.table in inspector.get_view_names(kind.schema):
        return False
    found = inspector.get_unique_constraints(kind.table, kind.schema)
    return any(constraint["column_names"] == wanted for constraint in found) or any(
        index["unique"] and index["column_names"] == wanted and not _is_partial(index)
        for index in inspector.get_indexes(kind.table, kind.schema)
    )


def _is_partial(index: Mapping[str, Any]) -> bool:
    return any(option.endswith("_where") for option in index.get("dialect_options", {}))


async def _query(connection: AsyncConnection, config: SqlConfig, kind: TableType) -> Layout:
    """A query as if it were a table. Its own text is not touched."""
    statement = text(kind.query.replace(":", "\\:"))
    every = select(text("*")).select_from(statement.columns().subquery("q")).limit(0)
    names = list((await connection.execute(every)).keys())
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SourceUnreadable(f"{config.where}: the query of {kind.name} has two columns {twice[0]!r}.")
    is_loose = connection.dialect.name == "sqlite"
    types_: dict[str, types.TypeEngine[Any]] = dict.fromkeys(names, types.NullType())
    if not is_loose:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        prepared = await driver.prepare(kind.query)
        types_ |= {
            one.name: _POSTGRES.get(one.type.name, types.NullType()) for one in prepared.get_attributes()
        }
    source = statement.columns(*(Column(name, types_[name]) for name in names)).subquery("q")
    places = {name: Place.of(source.columns[name], types_[name], is_loose=is_loose) for name in names}
    return _layout(config, kind, source, places, is_loose, has_unique_key=False)


def _layout(
    config: SqlConfig,
    kind: TableType,
    source: FromClause,
    places: Mapping[str, Place],
    is_loose: bool,
    *,
    has_unique_key: bool,
) -> Layout:
    special = {UID: kind.key, NAME: kind.display, PASSWORD: kind.password}
    members = {"_id": kind.key}
    hidden, on_demand = set(), set()
    if kind.attributes:
        for member, attribute in kind.attributes.items():
            members[member] = special.get(attribute.native_name, attribute.native_name)
            hidden |= {member} if "NOT_READABLE" in attribute.flags else set()
            on_demand |= {member} if "NOT_RETURNED_BY_DEFAULT" in attribute.flags else set()
    else:
        members |= {name: name for name in places if name != "_id"}
    hidden |= {member for member, column in members.items() if kind.password and column == kind.password}
    wanted = {column: f"the member {member!r} of {kind.name}" for member, column in members.items()}
    wanted[kind.key] = "configurationProperties.keyColumn"
    wanted.setdefault(kind.display, "configurationProperties.nameColumn")
    for column, name in ((kind.change_log, "changeLogColumn"), (kind.password, "passwordColumn")):
        if column:
            wanted[column] = f"configurationProperties.{name}"
    for column, where in wanted.items():
        if column not in places:
            hint = did_you_mean(column, places) or f" It has {', '.join(places)}."
            raise SourceUnreadable(
                f"{config.where}: {where}: {kind.shown} has no column {column!r}.{hint}",
                detail={"reason": "SCHEMA", "column": column},
            )
    table = source if isinstance(source, Table) else None
    return Layout(
        *(
            kind,
            source,
            table,
            is_loose,
            places,
            members,
            frozenset(hidden),
            frozenset(on_demand),
            has_unique_key,
        )
    )


def _body(kind: TableType, member: str) -> Mapping[str, Any]:
    body = kind.raw.get("properties", {}).get(member, {})
    return body if isinstance(body, Mapping) else {}
