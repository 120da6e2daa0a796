"""Render some campaigns once more, alone, and keep every byte that has a part in them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from wechat_campaigns.core.digest import compute_content_digest
from wechat_campaigns.core.errors import StalePlanError
from wechat_campaigns.core.i18n import _
from wechat_campaigns.guard.ports import WorkspacePort
from wechat_campaigns.render.compile import Compiler
from wechat_campaigns.source.files import RecordingFiles, read_regular
from wechat_campaigns.source.load import MAX_YAML_BYTES, find_campaigns
from wechat_campaigns.source.settings import SETTINGS_FILE, load_settings

SETTINGS: Final = PurePosixPath(SETTINGS_FILE)


@dataclass(slots=True)
class Sources:
    """What some campaigns are made of: the bytes of each file, and the digest of each send."""

    files: dict[PurePosixPath, bytes] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)

    def add(self, file: PurePosixPath, data: bytes) -> None:
        """Note the bytes of a file.

        Raises:
            StalePlanError: it had others before.
        """
        if self.files.setdefault(file, data) != data:
            raise StalePlanError(
                _("the file changed while it was being read"), hint=_("run it again"), location=str(file)
            )


def sources_of(workspace: WorkspacePort, campaigns: Collection[str]) -> Sources:
    """Render some campaigns once more, alone, and keep every byte that has a part in them.

    Nothing is taken over from the rendering before, not even the settings: whatever else the folder holds
    cannot have a part in the result. In this process, because what another one reads would not be seen.
    """
    root, made = workspace.root, Sources()
    settings = load_settings(root, environment=workspace.environment)
    made.add(SETTINGS, workspace.settings.source)
    made.add(SETTINGS, settings.source)
    files = RecordingFiles(root, made.add)
    workshop = Compiler(settings=settings, files=files, variables=workspace.variables)
    for item in find_campaigns(root, sorted(campaigns))[0]:
        if item.id not in campaigns:
            continue
        data = read_regular(item.display_path, MAX_YAML_BYTES)
        made.add(item.file, data)
        made.digests |= {send.id: compute_content_digest(send) for send in workshop.make(item, data).sends}
    return made
