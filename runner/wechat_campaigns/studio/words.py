"""Give the page's script the words that it writes itself, in the language of the run."""

from __future__ import annotations

from wechat_campaigns.core.i18n import _


def words() -> dict[str, str]:
    """List the words by the names that `studio.js` uses; `{…}` are filled in there."""
    return {
        "live": _("Live"),
        "connecting": _("Connecting…"),
        "lost": _(
            "Connection lost: this is how it was at {time}. Start `campaign studio` again if it has ended."
        ),
        "trouble": _("Saves are not seen any more: {reason}"),
        "stale": _("The newest save has errors. The phone shows the last save without errors, from {time}."),
        "broken": _("This campaign cannot be shown until its errors are corrected."),
        "gone": _("The campaign file is missing; only the ledger knows this send."),
        "none": _("No campaign matches."),
        "empty": _("No campaigns yet: run `campaign new` to write the first."),
        "no_problems": _("No problems"),
        "problems": _("Problems"),
        "open": _("Open in the editor"),
        "copy": _("Copy the path"),
        "copied": _("Copied"),
        "chat": _("Chat"),
        "article": _("Article text"),
        "article_n": _("Article {number}"),
        "post": _("Picture post"),
        "to": _("To"),
        "when": _("When"),
        "account": _("Account"),
        "kind": _("Kind"),
        "status": _("Status"),
        "followers": _("Followers"),
        "file": _("File"),
        "send": _("Send"),
        "plan": _("Plan"),
        "calendar": _("Calendar"),
        "results": _("Results"),
        "phone_of": _("What a follower sees of {send}"),
        "saved": _("as of {time}"),
    }
