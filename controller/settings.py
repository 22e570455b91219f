"""Settings of the running program: environment variables ``COOLWRIGHT_*``, or a command-line option.

What belongs to the facility is in the site file; here is only how this process runs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from plant.errors import ConfigError

PREFIX = "COOLWRIGHT_"


class Settings(BaseSettings):
    """How this process runs. Every field can be set as ``COOLWRIGHT_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65535)
    database: str = "sqlite:///var/coolwright.sqlite"
    historian: str = "sqlite:///var/history.sqlite"
    cycle_s: float = Field(300.0, gt=0)
    plan_step_s: int = Field(900, gt=0)
    plan_steps: int = Field(96, gt=0)
    plan_deadline_s: float = Field(60.0, gt=0)
    history_days: float = Field(35.0, gt=0)
    url: str = "http://127.0.0.1:8080"
    """Where the operator's verbs find a running controller."""
    token: str | None = None
    """The operator's own token for those verbs."""
    price_file: Path | None = None
    """Day-ahead prices (CSV); the site's tariff holds where it has none."""
    carbon_token_file: Path | None = None
    """Secrets of the carbon feed the site file names: files, never values."""
    carbon_username_file: Path | None = None
    carbon_password_file: Path | None = None
    carbon_cache: Path = Path("var/feeds")
    """Where a feed's last answers are kept."""
    report_archive: Path = Path("var/reports")
    """The folder closed reports are kept in."""
    replay_runs: Path = Path("var/runs")
    """The folder replays that were ordered over the API leave their runs in."""
    carbon_url: str | None = None
    """In place of the provider's own address: a proxy, for example."""
    weather_url: str | None = None
    """The same of the weather feed; its answers are kept beside the carbon feed's."""
    tls_certificate: str | None = None
    """PEM files; with both, the API speaks HTTPS itself."""
    tls_key: str | None = None
    oidc_issuer: str | None = None
    """The site's identity provider; with it, its bearer tokens are taken beside our own."""
    oidc_audience: str = ""
    oidc_roles: str = ""
    """``claim=role`` pairs, separated by commas: ``coolwright-ops=operator,…``."""
    oidc_roles_claim: str = "roles"
    oidc_name_claim: str = "sub"
    """Which claim names the person; for the two-person rule it must be one nobody can choose."""
    webhooks: str = ""
    """Addresses every alarm is sent to, separated by commas."""
    webhook_secret_file: Path | None = None
    """The key that signs what is sent: a file, never a value."""
    audit_anchor: Path | None = None
    """Where the audit log's head is noted every hour; None: the user's state folder, see `anchor_file`."""

    @property
    def anchor_file(self) -> Path:
        """Where the audit log is anchored: never, unless told, in the folder its database lies in.

        One file for each database: two logs in one file would accuse each other.
        """
        if self.audit_anchor is not None:
            return self.audit_anchor
        where = os.environ.get("XDG_STATE_HOME")
        folder = Path(where) if where else Path.home() / ".local" / "state"
        file = self.database_file
        named = "database" if file is None else file.stem
        which = self.database.rpartition("@")[2] if file is None else str(file.resolve())
        return folder / "coolwright" / f"{named}-{sha256(which.encode()).hexdigest()[:8]}.anchor"

    @property
    def database_file(self) -> Path | None:
        """The file the database is; None where it is a server, or in memory."""
        path = self.database.removeprefix("sqlite:///")
        return Path(path) if path not in ("", self.database) else None

    @property
    def carbon_secrets(self) -> dict[str, Path]:
        """The secret files that are given, by the name a feed asks for."""
        given = {
            "token": self.carbon_token_file,
            "username": self.carbon_username_file,
            "password": self.carbon_password_file,
        }
        return {name: file for name, file in given.items() if file is not None}


def load_settings(overrides: Mapping[str, object], environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment, with what the command line gave on top.

    Raises
    ------
    ConfigError
        For an unknown ``COOLWRIGHT_`` variable or a value out of range.
    """
    for name in environment if environment is not None else os.environ:
        field = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and field not in Settings.model_fields:
            near = get_close_matches(field, Settings.model_fields, 1)
            mend = (
                f"did you mean {PREFIX}{near[0].upper()}?"
                if near
                else f"known are {', '.join(Settings.model_fields)}"
            )
            raise ConfigError(f"setting {name}", "is not known", mend)
    try:
        return Settings(**{k: v for k, v in overrides.items() if v is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(
            f"setting {name}", first["msg"].lower(), f"correct {first.get('input')!r}"
        ) from None
