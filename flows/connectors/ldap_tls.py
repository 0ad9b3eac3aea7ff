"""Encrypted connections: what is trusted, and in plain words why something is not."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flows.connectors.ldap_port import Code, DirectoryError, Target

#: the StartTLS request (RFC 4511, 4.14) as it goes over the wire; its answer begins like any LDAP message
_START_TLS: Final = b"0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037"


def context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name verified."""
    made = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def check_trust(target: Target) -> None:
    """Shake hands with the server once before a library does; DirectoryError says why its certificate is not trusted.

    A library would say no more than that the connection failed, and one of them may wait forever for a silent server.
    """
    address = urlsplit(target.uri)
    host = address.hostname or "localhost"
    try:
        with socket.create_connection((host, address.port or 389), target.connect_seconds) as plain:
            if target.start_tls:
                plain.sendall(_START_TLS)
                plain.recv(4096)
            with context(target.ca_file).wrap_socket(plain, server_hostname=host):
                pass
    except ssl.SSLCertVerificationError as cause:
        raise DirectoryError(Code.CONNECT_ERROR, mistrust=cause.verify_message.rstrip(".")) from cause
    except TimeoutError as cause:
        raise DirectoryError(Code.TIMEOUT, word="Timed out") from cause
    except ssl.SSLError as cause:
        raise DirectoryError(
            Code.CONNECT_ERROR, f"no TLS is spoken there: {cause.reason or cause}"
        ) from cause
    except OSError as cause:
        raise DirectoryError(Code.SERVER_DOWN, cause.strerror or str(cause)) from cause
