"""Steps of a CI job that need more than the report itself."""

from __future__ import annotations

from wechat_campaigns.cli.registry import group
from wechat_campaigns.core.i18n import N_


@group(
    "wechat_campaigns.cli.ci",
    "publish",
    "outputs",
    "issue",
    "notify",
    "phones",
    examples={"campaign ci publish report.md": N_("update the comment of a pull request")},
)
def ci() -> None:
    """Steps of a CI job: show a plan, pass on its digest, notify, keep an issue.

    See docs/pull-requests.md.
    """
