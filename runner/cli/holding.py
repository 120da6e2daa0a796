"""The kill switch: hold and unhold an account, at once and for every runner."""

from __future__ import annotations

import click

from runner.cli.completing import accounts
from runner.cli.session import Session, shared
from runner.cli.warrant import actor
from runner.protocol.events import Entry, Kind
from runner.words import _

_WHY = click.option("--why", required=True, help="Recorded, and shown to whoever is held back.")


@click.command()
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
@_WHY
@shared
def hold(session: Session, account_name: str, why: str) -> int:
    """Stop every send of an account, those of a running apply too, until `campaign unhold`."""
    return _switch(session, account_name, why, held=True)


@click.command()
@click.argument("account_name", metavar="ACCOUNT", shell_complete=accounts)
@_WHY
@shared
def unhold(session: Session, account_name: str, why: str) -> int:
    """Let an account send again."""
    return _switch(session, account_name, why, held=False)


def _switch(session: Session, account_name: str, why: str, *, held: bool) -> int:
    account = session.account(account_name)
    # A hold asks nobody for a secret; its end must see which holds stand, whatever was forged.
    state = session.begun_state(sending=False, verified=not held)
    if (account.appid in state.holds) is held:
        said = _("account {name} was not on hold before; nothing to do")
        if held:
            said = _("account {name} was on hold before; nothing to do")
        return session.conclude(
            said.format(name=account_name), account=account_name, held=held, changed=False
        )
    # Without the lock: a hold must not wait for the apply that it stops.
    data = {"held": held, "why": why, "actor": actor(session)}
    if not held:
        data["ends"] = list(state.stream(account.appid).holds)
    entry = Entry(stream=account.appid, kind=Kind.HOLD, data=data)
    # Anybody may stop an account; who lets it send again must have its AppSecret.
    session.ledger.append(entry)
    said = _("account {name} may send again")
    if held:
        said = _("account {name} is on hold: nothing is sent from it")
    return session.conclude(said.format(name=account_name), account=account_name, held=held, changed=True)
