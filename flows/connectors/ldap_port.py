"""What the LDAP connector asks of a library: the words of python-ldap, awaited."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Final, Protocol, TypeVar

from flows.connectors.ldap_census import Census

T = TypeVar("T")
Attributes = dict[str, list[bytes]]
Take = Callable[[str, Attributes], None]
"""Called with DN and attributes of each entry, perhaps in another thread."""
Rdn = list[tuple[str, str, int]]
"""Attribute, value and how the value was written, of each part of one step of a DN."""

NO_ATTRIBUTES: Final = ("1.1",)


class Scope(IntEnum):
    """How far below its base a search looks."""

    BASE = 0
    SUBTREE = 2


class Modification(IntEnum):
    """What a change does with its values."""

    ADD = 0
    DELETE = 1
    REPLACE = 2


Change = tuple[Modification, str, list[bytes] | None]


class Code(IntEnum):
    """Results that are told apart: RFC 4511's, and the negative ones of the libraries for what never arrived."""

    SERVER_DOWN = -1
    DECODING_ERROR = -4
    TIMEOUT = -5
    FILTER_ERROR = -7
    CONNECT_ERROR = -11
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT = 3
    SIZE_LIMIT = 4
    AUTH_METHOD = 7
    STRONGER_AUTH = 8
    REFERRAL = 10
    ADMIN_LIMIT = 11
    CRITICAL_EXTENSION = 12
    CONFIDENTIALITY = 13
    NO_SUCH_ATTRIBUTE = 16
    UNDEFINED_TYPE = 17
    VALUE_EXISTS = 20
    NO_SUCH_OBJECT = 32
    INVALID_DN = 34
    INAPPROPRIATE_AUTH = 48
    INVALID_CREDENTIALS = 49
    INSUFFICIENT_ACCESS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING = 53
    NOT_ON_NONLEAF = 66
    ALREADY_EXISTS = 68


#: the connection is gone, so the operation may or may not have been done
LOST: Final = frozenset({Code.SERVER_DOWN, Code.DECODING_ERROR, Code.TIMEOUT, Code.CONNECT_ERROR})


class DirectoryError(Exception):
    """A result other than success."""

    def __init__(
        self, code: int, info: str = "", matched: str = "", word: str = "", mistrust: str = ""
    ) -> None:
        super().__init__(code, info, matched)
        self.code = code
        self.info = info
        """What the server says."""
        self.matched = matched
        """The deepest entry that exists on the way to one that does not."""
        self.word = word
        """Name of the result, as `Invalid credentials`."""
        self.mistrust = mistrust
        """Why the server's certificate is not trusted."""

    @property
    def is_lost(self) -> bool:
        return self.code in LOST


@dataclass(frozen=True)
class Target:
    """A server, and who we are there."""

    uri: str
    principal: str
    password: str = field(repr=False)
    start_tls: bool
    ca_file: Path | None
    connect_seconds: float
    seconds: float
    """For one operation, or one page."""

    @property
    def is_encrypted(self) -> bool:
        return self.start_tls or self.uri.startswith("ldaps:")


@dataclass(frozen=True)
class Search:
    """One search request."""

    base: str
    filter: str = "(objectClass=*)"
    attributes: tuple[str, ...] = NO_ATTRIBUTES
    scope: Scope = Scope.SUBTREE
    page_size: int = 0
    """Entries of one page; 0 asks for all at once."""
    cookie: bytes = b""
    """Where the page before ended."""


@dataclass
class Found:
    """How a search ended."""

    cookie: bytes = b""
    """Where to go on; empty at the end."""
    referrals: list[str] = field(default_factory=list)
    """Other servers that hold a part of what was asked for. They are not asked."""


class Session(Protocol):
    """A connection that is bound. All methods raise DirectoryError."""

    usable: bool
    """False while something is under way, and for good once an answer was not waited for."""

    async def search(self, search: Search, take: Take) -> Found: ...

    def walk(
        self, search: Search, read: Callable[[str, Attributes], T]
    ) -> AsyncGenerator[tuple[list[T], Found]]:
        """All pages of a search, one after the other; what `read` makes of the entries of each.

        An error comes after the entries that were read before it.
        """

    async def search_each(self, searches: Sequence[Search], take: Take) -> None:
        """Several searches sent at once; a base that does not exist holds nothing."""

    async def sync(self, search: Search, cookie: str, take: Take, census: Census | None = None) -> str:
        """Entries changed since the cookie (RFC 4533, refreshOnly), and the next cookie.

        A census is told who is there and who is gone.
        """

    async def add(self, dn: str, attributes: Sequence[tuple[str, list[bytes]]]) -> None: ...

    async def modify(self, dn: str, changes: Sequence[Change]) -> None: ...

    async def rename(self, dn: str, rdn: str, superior: str | None) -> None: ...

    async def delete(self, dn: str) -> None: ...

    async def close(self) -> None: ...


class Opening(Protocol):
    """A session that is not connected yet."""

    async def open(self) -> None:
        """Connect, encrypt if asked to, bind."""

    async def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Opening)


async def opened(session: Opened) -> Opened:
    """The session once it is connected; one that cannot be leaves nothing open."""
    try:
        await session.open()
    except BaseException:
        await session.close()
        raise
    return session


class AttributeType(Protocol):
    """An attribute of the schema, as both libraries read it."""

    oid: str
    names: Sequence[str]
    sup: Sequence[str]
    equality: str | None
    ordering: str | None
    substr: str | None
    syntax: str | None
    single_value: bool
    no_user_mod: bool


class Library(Protocol):
    """One of the libraries."""

    name: str

    async def connect(self, target: Target) -> Session:
        """Connect, encrypt if asked to, bind."""

    def escape(self, value: str) -> str:
        """A value as it may stand in a filter."""

    def split(self, dn: str) -> list[Rdn]:
        """A DN in its steps; ValueError for what is none."""

    def join(self, steps: Sequence[Rdn]) -> str:
        """The DN of these steps, escaped."""

    def attribute_type(self, definition: str) -> AttributeType: ...
