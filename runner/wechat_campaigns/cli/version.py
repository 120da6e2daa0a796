"""Write what `campaign --version` prints: version, formats, extras."""

from __future__ import annotations

import platform
from hashlib import sha256

from wechat_campaigns import __version__
from wechat_campaigns.core.digest import DIGEST_VERSION
from wechat_campaigns.core.extras import EXTRAS, is_extra_installed
from wechat_campaigns.protocol.events import FORMAT
from wechat_campaigns.report.sanitize import FORMAT_VERSION
from wechat_campaigns.source.schemas.store import SchemaName, schema_text


def version_text() -> str:
    """Write the version, one fact a line; the first line is for scripts."""
    names: tuple[SchemaName, ...] = ("campaign", "settings", "plan")
    digests = {name: sha256(schema_text(name).encode()).hexdigest()[:8] for name in names}
    extras = [extra for extra in EXTRAS if is_extra_installed(extra)]
    return "\n".join(
        [
            f"campaign {__version__}",
            f"Python {platform.python_version()}",
            f"formats: plan {FORMAT_VERSION}, ledger {FORMAT}, digest {DIGEST_VERSION}",
            f"schemas: {', '.join(f'{name} {digest}' for name, digest in digests.items())}",
            f"extras: {', '.join(extras) or 'none'}",
        ]
    )
