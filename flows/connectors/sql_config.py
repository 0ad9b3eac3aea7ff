"""What a provisioner file says of a database table, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from conf.document import Node, did_you_mean
from conf.provisioner import ConnectorConfig, SystemAttribute, SystemObjectType
from flows.connectors.credentials import Secret, read_secret
from flows.connectors.provisioned import read_provisioned

#: database of a URL -> its asynchronous driver
DRIVERS: Final = {"sqlite": "aiosqlite", "postgresql": "asyncpg"}
_KNOWN: Final = (
    *("url", "user", "password", "host", "port", "database", "jdbcUrlTemplate", "table", "schema", "query"),
    *("keyColumn", "nameColumn", "passwordColumn", "changeLogColumn", "enableEmptyString"),
)
_IGNORED: Final = (
    *("jdbcDriver", "quoting", "rethrowAllSQLExceptions", "nativeTimestamps", "allNative"),
    *("validConnectionQuery", "datasource", "jndiProperties", "suppressPassword"),
)
"""PingIDM's names that mean nothing here."""
_SHAPES: Final = '"postgresql://user@host:5432/database" or "sqlite:///data/people.db"'
_SELECT: Final = re.compile(r"\s*(select|with|values)\b", re.IGNORECASE)
_NOWHERE: Final = make_url("sqlite://")


@dataclass(frozen=True)
class TableType:
    """`system/<name>/<object type>`: rows of one table, or of a query that is only read."""

    name: str
    table: str
    schema: str | None
    query: str
    key: str
    """Column of the `_id`."""
    display: str
    """Column behind the native name `__NAME__`."""
    password: str
    change_log: str
    """Column that grows with every change of a row; empty when there is none."""
    attributes: Mapping[str, SystemAttribute]
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return f"the table {self.table!r}" if self.table else "the query"


@dataclass(frozen=True)
class SqlConfig:
    """A database, and what of it is ours."""

    name: str
    where: str
    url: URL
    secret: Secret | None
    ignore_case: bool
    empty_strings: bool
    """A column that must not be null is cleared with an empty text."""
    read_seconds: float
    write_seconds: float
    types: Mapping[str, TableType] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The database in messages, without a password."""
        plain = self.url.set(drivername=self.url.get_backend_name(), query={})
        return plain.render_as_string(hide_password=True)


def read_config(name: str, document: Mapping[str, Any], root: Path) -> SqlConfig:
    """Check a provisioner document; ConfigError tells all that is wrong."""
    return read_provisioned(
        name,
        document,
        root,
        lambda connector, node, where: _Reader(connector, node, root, where).read(name),
    )


class _Reader:
    def __init__(self, connector: ConnectorConfig, node: Node, root: Path, where: str) -> None:
        self.connector = connector
        self.node = node
        self.root = root
        self.where = where

    def read(self, name: str) -> SqlConfig:
        for given in self.node.value:
            if given not in _KNOWN and given not in _IGNORED and (hint := did_you_mean(given, _KNOWN)):
                self.node.problem(f"there is no property {given!r}.{hint}")
        url = self._url()
        return SqlConfig(
            name=name,
            where=self.where,
            url=url,
            secret=None if url.get_backend_name() == "sqlite" else self._secret(),
            ignore_case=self.connector.results_handlers.get("enableCaseInsensitiveFilter") is True,
            empty_strings=self.node.flag("enableEmptyString", False),
            read_seconds=self._seconds("SEARCH"),
            write_seconds=self._seconds("UPDATE"),
            types=self._types(),
        )

    def _secret(self) -> Secret | None:
        password = self.node.child("password").value
        if password in (None, ""):
            return None
        return read_secret(password, self.root, f"{self.where}: configurationProperties.password")

    def _url(self) -> URL:
        """The address: `url`, else what PingIDM's properties come to."""
        node = self.node
        member = "url" if node.text("url") else "jdbcUrlTemplate"
        text = node.text("url") or self._from_template(node.text("jdbcUrlTemplate"))
        if not text:
            node.problem(f"'url' is missing, as {_SHAPES}")
            return _NOWHERE
        try:
            url = make_url(text)
            backend = url.get_backend_name()
        except (ArgumentError, ValueError):
            node.child(member).problem(f"expected an address like {_SHAPES}")
            return _NOWHERE
        if backend not in DRIVERS:
            known = " and ".join(DRIVERS)
            node.child(member).problem(
                f"{backend!r} is not spoken here; {known} are. A database that can write a "
                "CSV file may be read so"
            )
            return _NOWHERE
        query = dict(url.query)
        if mode := query.pop("sslmode", None):
            query["ssl"] = mode
        url = url.set(drivername=f"{backend}+{DRIVERS[backend]}", query=query)
        if (user := node.text("user")) and backend != "sqlite":
            url = url.set(username=user)
        if backend == "sqlite":
            if not url.database or url.database == ":memory:":
                node.child(member).problem("names no file; a database in memory has nothing to reconcile")
            else:
                url = url.set(database=str(self.root / url.database))
        elif not url.database:
            node.child(member).problem(f"names no database; expected an address like {_SHAPES}")
        return url

    def _from_template(self, template: str) -> str:
        """`jdbc:postgresql://%h:%p/%d` with host, port and database in their places."""
        given = self.node.value
        for mark, name in (("%h", "host"), ("%p", "port"), ("%d", "database")):
            found = given.get(name)
            template = template.replace(mark, str(found) if isinstance(found, str | int) else "")
        address = template.removeprefix("jdbc:")
        return address if "://" in address else address.replace("sqlite:", "sqlite:///", 1)

    def _types(self) -> dict[str, TableType]:
        declared = self.connector.object_types
        if not declared:
            declared = {"__ACCOUNT__": SystemObjectType("__ACCOUNT__", "__ACCOUNT__", {}, {})}
        return {name: self._type(kind) for name, kind in declared.items()}

    def _type(self, kind: SystemObjectType) -> TableType:
        """A type may say for itself what else the properties say for all."""
        own = Node(kind.raw, self.node.reading, ("objectTypes", kind.name))

        def text(name: str) -> str:
            return own.text(name) or self.node.text(name)

        place = own if own.text("table") or own.text("query") else self.node
        table, query = place.text("table"), place.text("query").strip().rstrip(";")
        if bool(table) == bool(query):
            place.problem(f"{kind.name} needs either a 'table' or a 'query'")
        if query and (not _SELECT.match(query) or ";" in query):
            place.child("query").problem("expected one statement that begins with select")
        key = text("keyColumn")
        if not key:
            self.node.problem("'keyColumn' is missing: the column whose values are the ids")
        return TableType(
            name=kind.name,
            table=table,
            schema=text("schema") or None,
            query=query,
            key=key,
            display=text("nameColumn") or key,
            password=text("passwordColumn"),
            change_log=text("changeLogColumn"),
            attributes={name: found for name, found in kind.attributes.items() if name != "_id"},
            raw=kind.raw,
        )

    def _seconds(self, operation: str) -> float:
        given = self.connector.operation_timeouts.get(operation, -1)
        return given / 1000 if isinstance(given, int) and given > 0 else 30.0
