"""Words the tests of articles share: the type of the `make` fixture, and findings as short lines."""

from __future__ import annotations

from collections.abc import Callable

from wechat_campaigns.render.article import ArticleBody

Make = Callable[..., ArticleBody]


def rules(body: ArticleBody) -> list[str]:
    """What was found, as `e rule line` for an error and `w rule line` for a warning."""
    return [f"{finding.level[0]} {finding.rule} {finding.location.line}" for finding in body.findings]
