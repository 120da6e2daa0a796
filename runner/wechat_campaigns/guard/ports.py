"""What the guards ask of a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from wechat_campaigns.core.settings import Settings
from wechat_campaigns.ledger.events import Ledger
from wechat_campaigns.protocol.events import Event

if TYPE_CHECKING:
    from wechat_campaigns.guard.secrets import Secrets


class WorkspacePort(Protocol):
    """One environment of a campaigns folder; `wechat_campaigns.workspace` has the real one."""

    root: Path
    environment: str | None
    variables: Mapping[str, str]

    @property
    def settings(self) -> Settings:
        """The settings, with the environment chosen."""
        ...

    @property
    def is_sandbox(self) -> bool:
        """True when no real follower can be reached."""
        ...

    def clock(self) -> datetime:
        """Return the present moment in UTC."""
        ...

    def guard(self, appid: str) -> Event | None:
        """Return the rules that the last apply of an account went by, as the ledger says."""
        ...

    def newest_guards(self) -> tuple[Event, ...]:
        """List the newest guard of each account of the environment."""
        ...


class OnlinePort(WorkspacePort, Protocol):
    """An environment whose secrets may be read."""

    signed_events: dict[str, list[Event]] | None

    @property
    def ledger(self) -> Ledger:
        """The environment's ledger."""
        ...

    @property
    def secrets(self) -> Secrets:
        """The secrets of its accounts."""
        ...
