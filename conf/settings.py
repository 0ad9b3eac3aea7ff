"""Settings of a process: where things are and how much it may take, from `RECON_*` and the command line."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Built once at the edge and passed down; every field can be set as `RECON_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="RECON_", frozen=True, extra="ignore")

    project: Path = Path()
    """Project folder: `conf/`, `data/`, `script/`, `workflow/`."""
    data: Path = Path(".recon")
    """Data folder: databases, Prefect's home, tokens. Default `.recon` in the project folder."""
    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback is refused while a default password stands."""
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    """Address under which people reach the server, for links in mails; default: that of `host` and `port`."""
    database: str | None = None
    """`sqlite:////path.db` or `postgresql://user:password@host:port/name`; default: in the data folder."""
    prefect_database: str | None = None
    """Database of the Prefect server that we start; default SQLite in the data folder, or, when ours is on
    PostgreSQL, a database beside it with `_prefect` behind its name."""
    prefect_api: str | None = None
    """Address of a Prefect server run elsewhere; without it `recon up` starts one."""
    prefect_port: int = Field(default=4200, ge=0, le=65535)
    executor: Literal["prefect", "embedded"] = "prefect"
    """`embedded` runs the same phases in the worker, without a Prefect server."""
    page_size: int = Field(default=1000, ge=1, le=5000)
    """Entries of one page, which is one transaction in the set lane."""
    lease_seconds: float = Field(default=15, gt=0)
    """A run whose owner has not renewed its lease for so long is taken over."""
    run_workers: int = Field(default=1, ge=0)
    """Runs that this worker carries out at once."""
    decision_workers: int = Field(default=1, ge=0)
    """Decisions that this worker applies at once."""
    decision_wait_seconds: float = Field(default=5, ge=0)
    """How long completing a task waits for its outcome."""
    poll_seconds: float = Field(default=1, gt=0)
    """How often a worker looks for work when nothing wakes it."""
    pending_launches: int = Field(default=5, ge=0)
    """Runs of one mapping that may wait for their turn."""
    log_format: Literal["auto", "json", "human"] = "auto"
    """`auto`: human on a terminal, JSON lines otherwise."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    script_seconds: float = Field(default=5, gt=0)
    """Longest time that one script call may take."""
    script_memory_mb: int = Field(default=64, ge=8)
    """Most memory that one script context may use."""
    body_limit_mb: int = Field(default=16, ge=1)
    """Largest request body."""
    history_days: int = Field(default=400, ge=1)
    """How long two-way runs and their objects are remembered."""
    history_full_runs: int = Field(default=30, ge=1)
    """Runs of each two-way configuration, the latest, of which objects with nothing to do are remembered too."""
    access_days: int = Field(default=30, ge=1)
    """How long calls and logins stay in the audit."""
    audit_days: int | None = Field(default=None, ge=1)
    """How long everything else stays there; by default for ever, because it tells who decided what."""
    notifications: str | None = None
    """Where notices go, as an Apprise address; none by default."""

    @model_validator(mode="before")
    @classmethod
    def _data_stands_in_the_project(cls, given: Any) -> Any:
        if isinstance(given, dict) and given.get("data") is None:
            return {**given, "data": Path(given.get("project") or ".") / ".recon"}
        return given

    @property
    def database_url(self) -> str:
        """The database in force, as a URL."""
        return self.database or f"sqlite:///{self.data.resolve()}/reconvene.db"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in {"127.0.0.1", "::1", "localhost"} or self.host.startswith("127.")
