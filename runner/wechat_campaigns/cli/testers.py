"""List who can receive a preview."""

from __future__ import annotations

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_, _


@command(
    effect=Effect.NONE,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign testers": N_("the aliases that `campaign preview --to` takes")},
)
def testers(context: Context) -> int:
    """List the testers of the settings by alias; their WeChat IDs and openids are not printed."""
    known = {alias: "openid" if one.openid else "wxname" for alias, one in context.settings.testers.items()}
    words = {"openid": _("an openid, of one account only"), "wxname": _("a WeChat ID")}
    none = _("The settings have no testers; `campaign preview ID --to NAME` also takes a WeChat ID (微信号).")
    line = _("{alias}: {kind}")
    lines = [line.format(alias=alias, kind=words[kind]) for alias, kind in known.items()]
    context.output_data(
        lambda: "\n".join(lines) or none,
        {"testers": [{"tester": alias, "kind": kind} for alias, kind in known.items()]},
    )
    return ExitCode.OK
