"""Initialize the environment's ledger."""

from __future__ import annotations

from wechat_campaigns.cli.context import OnlineContext
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.options import DIR, ENV
from wechat_campaigns.cli.registry import TEXT_AND_JSON, command
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.ledger.events import LEDGER, LedgerKind
from wechat_campaigns.ledger.initialization import check_not_rehearsed
from wechat_campaigns.protocol.events import EMPTY, Entry


@command(
    effect=Effect.LEDGER_DECISION,
    formats=TEXT_AND_JSON,
    options=(DIR, ENV),
    examples={"campaign ledger init --env production": N_("once, before the first send")},
)
def init(context: OnlineContext) -> int:
    """Initialize the ledger of the environment, or add a new account to it."""
    environment, state = context.settings.environment, context.fold_ledger(verified=True)
    name, appids = environment.name, sorted(environment.by_appid)
    streams = [] if context.is_sandbox else [appid for appid in appids if not state.is_initialized(appid)]
    streams += [] if state.initialized else [LEDGER]
    if not streams:
        message = _("the ledger of {name} is already initialized; nothing to do")
        return context.output_sentence(message.format(name=name), environment=name, initialized=[])
    for stream in streams:
        # Other events may be in the stream already; another run may initialize it at the same time.
        events = context.ledger.read(stream)
        if stream not in state.production_streams:
            check_not_rehearsed(events, environment)
        entry = Entry(stream=stream, kind=LedgerKind.INIT, data={"environment": name})
        context.ledger.append(entry, after=events[-1].head if events else EMPTY)
    message = _(
        "the ledger of {name} is initialized; use `campaign ledger baseline{env}` to record earlier sends"
    ).format(name=name, env=context.settings.environment.env_option)
    return context.output_sentence(message, environment=name, initialized=streams)
