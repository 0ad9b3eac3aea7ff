"""Errors as callers see them: an HTTP status, a plain sentence, and details where they help.

    ReconError
    ├── BadRequest 400        ├── PreconditionFailed 412
    ├── Unauthorized 401      ├── NotSupported 501
    ├── Forbidden 403         ├── Unavailable 503
    ├── NotFound 404          └── ConfigError 400 (a file or a PUT configuration is wrong)
    └── Conflict 409

The body on the wire is `{code, reason, message, detail?}`.
"""

from http import HTTPStatus
from typing import Any, ClassVar


class ReconError(Exception):
    """Root of all errors that carry a status. The message is for a person; it names what, where and what to do."""

    code: ClassVar[int] = 500

    def __init__(self, message: str, *, detail: Any = None, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.status = code or type(self).code

    def body(self) -> dict[str, Any]:
        """The JSON error body of the REST interface."""
        try:
            reason = HTTPStatus(self.status).phrase
        except ValueError:
            reason = "Resource Exception"
        found: dict[str, Any] = {"code": self.status, "reason": reason, "message": self.message}
        if self.detail is not None:
            found["detail"] = self.detail
        return found


class BadRequest(ReconError):
    """The request itself is wrong."""

    code = 400


class Unauthorized(ReconError):
    """Nobody, or nobody we know, is calling."""

    code = 401


class Forbidden(ReconError):
    """The caller is known and may not, or a policy of the object refuses."""

    code = 403


class NotFound(ReconError):
    """There is no such thing, or it is not yours to see."""

    code = 404


class Conflict(ReconError):
    """The state of things does not allow it."""

    code = 409


class PreconditionFailed(ReconError):
    """The revision is stale, or the object to create exists already."""

    code = 412


class NotSupported(ReconError):
    """The resource does not offer this operation."""

    code = 501


class Unavailable(ReconError):
    """Try again later: database locked, disk full, or shutting down. Sent with Retry-After."""

    code = 503
    retry_after_seconds: ClassVar[int] = 2


class ConfigError(BadRequest):
    """A configuration is wrong; `where` is file, line and path as far as they are known."""

    def __init__(self, message: str, *, where: str = "", detail: Any = None) -> None:
        super().__init__(f"{where}: {message}" if where else message, detail=detail)
        self.where = where
