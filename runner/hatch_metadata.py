"""Give the package the addresses of the repository that builds it.

Only a release knows them: its workflow sets `CAMPAIGN_SOURCE_URL` (such as https://github.com/OWNER/REPOSITORY)
and `CAMPAIGN_SOURCE_REF` (the tag). On an index the README has no folder around it, so there its links and
pictures become absolute. Not in the wheel.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = re.compile(r"(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?!https?:|#)[^)\s]+)\)")


class AddressHook(MetadataHookInterface):
    """Writes `urls` and `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill both in; without an address the README stays as it is."""
        url = os.environ.get("CAMPAIGN_SOURCE_URL", "").rstrip("/")
        readme = Path(self.root, "README.md").read_text(encoding="utf-8")
        if url:
            ref = os.environ.get("CAMPAIGN_SOURCE_REF") or "HEAD"
            readme = absolute_links(readme, url, ref)
            metadata["urls"] = {
                "Source": url,
                "Documentation": f"{url}/blob/{ref}/docs/index.md",
                "Changelog": f"{url}/blob/{ref}/CHANGELOG.md",
                "Issues": f"{url}/issues",
            }
        else:
            metadata["urls"] = {}
        metadata["readme"] = {"content-type": "text/markdown", "text": readme}


def absolute_links(text: str, url: str, ref: str) -> str:
    """Make relative links lead to pages of the repository, and relative pictures to their bytes."""

    def absolute(found: re.Match[str]) -> str:
        kind = "raw" if found["mark"] else "blob"
        return f"{found['mark']}[{found['text']}]({url}/{kind}/{ref}/{found['path']})"

    return _RELATIVE.sub(absolute, text)
