"""A slapd for tests: one throw-away directory a session, a fresh branch of it a test.

`RECON_TEST_SLAPD=<folder>` uses a running one instead; `python -m tests.slapd [people]` starts one, says its folder
and stops it at Ctrl-C.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tests import certificates

ACCOUNT: Final = "openldap"
"""slapd never runs as root here: root starts it as the user that Debian's package made."""
SUFFIX: Final = "dc=example,dc=com"
PEOPLE: Final = f"ou=people,{SUFFIX}"
ADMIN: Final = f"cn=admin,{SUFFIX}"
"""May everything, without limits."""
SYNC: Final = f"cn=sync,{SUFFIX}"
"""May write; 500 entries a search, any number page by page."""
LIMITED: Final = f"cn=limited,{SUFFIX}"
"""May read 500 entries and no more, however they are asked for."""
PASSWORD: Final = "secret, not \\ plain ü"
SIZE_LIMIT: Final = 500

Values = Sequence[str | bytes] | str | bytes


@dataclass(frozen=True)
class Slapd:
    """A running server."""

    folder: str
    port: int
    tls_port: int
    people: int
    """Generated people below `PEOPLE`: `u0` and so on."""

    @property
    def authority(self) -> Path:
        """The certificate that vouches for the server's own."""
        return Path(self.folder, "authority.pem")

    def properties(self, principal: str = SYNC, **more: Any) -> dict[str, Any]:
        """`configurationProperties` that lead to it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "ssl": False,
            "principal": principal,
            "credentials": PASSWORD,
            "baseContexts": [PEOPLE],
            "accountObjectClasses": ["top", "person", "organizationalPerson", "inetOrgPerson"],
            "accountUserNameAttributes": ["uid"],
            "groupMemberAttribute": "member",
            "uidAttribute": "entryUUID",
            "usePagedResultControl": True,
            "blockSize": 200,
            **more,
        }

    def add(self, text: str) -> None:
        """Add entries, as the administrator, by ldapadd."""
        self.run("ldapadd", text)

    def change(self, text: str) -> None:
        """Change entries by ldapmodify."""
        self.run("ldapmodify", text)

    def run(self, program: str, text: str = "", *arguments: str) -> str:
        """One of the OpenLDAP clients, as the administrator."""
        command = [
            program,
            "-x",
            "-H",
            f"ldap://127.0.0.1:{self.port}",
            "-D",
            ADMIN,
            "-w",
            PASSWORD,
            *arguments,
        ]
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode()


@contextmanager
def running(
    people: int = 0,
    *,
    made: Callable[[str, int], str] | None = None,
    expired: bool = False,
    extra: str = "",
    overlay: str = "",
    folder: Path | None = None,
) -> Iterator[Slapd]:
    """A server of our own with that many people, each as `made` writes it; stopped and removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="recon-slapd-")) if folder is None else folder
    try:
        server = Slapd(str(place), free_port(), free_port(), people)
        prepare(server, made=made, expired=expired, extra=extra, overlay=overlay)
        with serving(server):
            yield server
    finally:
        if folder is None:
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def session(people: int = 5000) -> Iterator[Slapd]:
    """The running server of `RECON_TEST_SLAPD`, else one of our own."""
    if place := os.environ.get("RECON_TEST_SLAPD"):
        yield Slapd(**json.loads(Path(place, "server.json").read_text()))
        return
    with running(people) as server:
        yield server


@contextmanager
def serving(server: Slapd) -> Iterator[subprocess.Popen[bytes]]:
    """Run slapd on what `prepare` laid out, until the block ends."""
    place = Path(server.folder)
    addresses = f"ldap://127.0.0.1:{server.port}/ ldaps://127.0.0.1:{server.tls_port}/"
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(
            [_program("slapd"), "-f", place / "slapd.conf", "-h", addresses, "-d", "none"],
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            **_account(),
        )
    try:
        _await_port(process, server.port, place / "log")
        yield process
    finally:
        process.terminate()
        process.wait(20)


def prepare(
    server: Slapd,
    *,
    made: Callable[[str, int], str] | None = None,
    expired: bool = False,
    extra: str = "",
    overlay: str = "",
) -> None:
    """Lay out configuration, certificates and entries in the server's folder."""
    place = Path(server.folder)
    (place / "data").mkdir()
    certificates.write(place, expired=expired)
    (place / "slapd.conf").write_text(
        CONFIGURATION.format(place=place, modules=_modules(), extra=extra, overlay=overlay)
    )
    (place / "server.json").write_text(json.dumps(asdict(server)))
    with (place / "entries.ldif").open("w") as file:
        file.writelines(_tree())
        file.writelines((made or person)(f"u{number}", number) for number in range(server.people))
    place.chmod(0o755)
    if os.geteuid() == 0:
        for path in (place, *place.rglob("*")):
            shutil.chown(path, ACCOUNT)
    command = [_program("slapadd"), "-q", "-f", place / "slapd.conf", "-l", place / "entries.ldif"]
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", **_account())
    if done.returncode:
        raise RuntimeError(f"slapadd failed: {done.stderr.decode(errors='replace')}")


def person(name: str, number: int, below: str = PEOPLE) -> str:
    """A person as LDIF."""
    return entry(
        f"uid={name},{below}",
        {
            "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
            "uid": name,
            "cn": f"Person {number}",
            "sn": f"Name {number}",
            "givenName": "Person",
            "mail": f"{name}@example.com",
            "employeeNumber": str(number),
            "telephoneNumber": [f"+1 555 {number:06d}", f"+1 556 {number:06d}"],
            "departmentNumber": str(number % 40),
        },
    )


def entry(dn: str, attributes: Mapping[str, Values]) -> str:
    """Any entry as LDIF; everything in base64, so that nothing needs escaping."""
    lines = [_line("dn", dn)]
    for name, given in attributes.items():
        lines += [_line(name, value) for value in ([given] if isinstance(given, str | bytes) else given)]
    return "".join(lines) + "\n"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _line(name: str, value: str | bytes) -> str:
    plain = value.encode() if isinstance(value, str) else value
    return f"{name}:: {base64.b64encode(plain).decode()}\n"


def _tree() -> Iterator[str]:
    yield entry(SUFFIX, {"objectClass": ["dcObject", "organization"], "dc": "example", "o": "Example"})
    for dn in (SYNC, LIMITED):
        yield entry(
            dn, {"objectClass": ["organizationalRole", "simpleSecurityObject"], "userPassword": PASSWORD}
        )
    for name in ("people", "groups", "tests"):
        yield entry(f"ou={name},{SUFFIX}", {"objectClass": "organizationalUnit", "ou": name})


def _account() -> dict[str, Any]:
    """Arguments that start a process as the user it must not exceed."""
    return {"user": ACCOUNT, "group": ACCOUNT, "extra_groups": []} if os.geteuid() == 0 else {}


def _program(name: str) -> Path:
    """Debian keeps the servers out of PATH."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise RuntimeError(
            f"{name} is not installed: apt-get install slapd ldap-utils, or set RECON_TEST_SLAPD"
        )
    return Path(found)


def _modules() -> str:
    found = next((path for path in ("/usr/lib/ldap", "/usr/lib64/openldap") if Path(path).is_dir()), "")
    return f"modulepath {found}\nmoduleload back_mdb\nmoduleload syncprov" if found else ""


def _await_port(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"slapd ended at once: {log.read_text(errors='replace')[-2000:]}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError("slapd does not listen after 30 s")


CONFIGURATION: Final = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
{modules}
pidfile {place}/slapd.pid
sizelimit 500
TLSCACertificateFile {place}/authority.pem
TLSCertificateFile {place}/server.pem
TLSCertificateKeyFile {place}/server.key

database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw "secret, not \\\\ plain ü"
directory {place}/data
maxsize 4294967296
dbnosync
index objectClass eq
index uid,cn,mail eq
index entryUUID,entryCSN,member eq
limits dn.exact="cn=sync,dc=example,dc=com" size.soft=500 size.hard=500 size.prtotal=unlimited
limits dn.exact="cn=limited,dc=example,dc=com" size.soft=500 size.hard=500
access to attrs=userPassword by dn.exact="cn=sync,dc=example,dc=com" write by anonymous auth by * none
access to * by dn.exact="cn=sync,dc=example,dc=com" write by users read by * auth
{extra}
overlay syncprov
{overlay}
"""


if __name__ == "__main__":
    with running(int(sys.argv[1]) if len(sys.argv) > 1 else 5000) as started, suppress(KeyboardInterrupt):
        print(f"export RECON_TEST_SLAPD={started.folder}", flush=True)
        signal.pause()
