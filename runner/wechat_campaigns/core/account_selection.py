"""Choose accounts by name and by shard, so that several machines or jobs divide one folder among them."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Final

from wechat_campaigns.core.errors import UsageError
from wechat_campaigns.core.i18n import _

_SHARD: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AccountSelection:
    """Which accounts a run is about; all of them unless something was chosen."""

    patterns: tuple[str, ...] = ()
    """Names, or patterns of names, of which an account has to match one."""
    shard: tuple[int, int] = (1, 1)
    """Which part of how many, by hash of the AppID, so that every machine divides the accounts alike."""

    def __bool__(self) -> bool:
        return bool(self.patterns) or self.shard != (1, 1)

    def selects(self, appid: str, names: Sequence[str]) -> bool:
        """Return whether an account is selected.

        Args:
            names: of the AppID in the settings, of which one has to match; no pattern selects an account that
                left them.
        """
        part, parts = self.shard
        return int(sha256(appid.encode()).hexdigest(), 16) % parts == part - 1 and (
            not self.patterns or any(fnmatchcase(name, one) for name in names for one in self.patterns)
        )

    def check(self, names: Collection[str]) -> None:
        """Refuse a pattern that no account matches. A shard may be empty: there may be few accounts.

        Raises:
            UsageError: names the pattern.
        """
        for pattern in self.patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise UsageError(
                    _("--accounts {pattern}: no account has such a name").format(pattern=pattern),
                    hint=_("use one of: {names}").format(names=_(", ").join(names)),
                )


def read_selection(patterns: Sequence[str], shard: str | None) -> AccountSelection:
    """Read the values of `--accounts` and `--shard`.

    Raises:
        UsageError: the shard is not one of the parts.
    """
    if shard is None:
        return AccountSelection(tuple(patterns))
    found = _SHARD.fullmatch(shard)
    part, parts = map(int, found.groups()) if found is not None else (0, 0)
    if not 1 <= part <= parts:
        raise UsageError(
            _("--shard {shard}: this is not a part of a whole").format(shard=shard),
            hint=_("write `--shard 2/5` for the second of five parts"),
        )
    return AccountSelection(tuple(patterns), (part, parts))
