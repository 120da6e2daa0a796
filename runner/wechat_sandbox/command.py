"""The command `wechat-sandbox`; `campaign sandbox` has the same options and serves in the same way."""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click

from wechat_campaigns.core.errors import CampaignError, ExitCode, UsageError, require_extra
from wechat_campaigns.core.files import refuse_carried_links
from wechat_campaigns.core.hosts import is_loopback
from wechat_campaigns.core.i18n import N_, _, language_from_env, set_language

STOPPED_BY = {signal.SIGINT, signal.SIGTERM}
OPTIONS: Final[tuple[Callable[[Any], Any], ...]] = (
    click.option("--port", default=8090, show_default=True, help=N_("0 picks a free port.")),
    click.option(
        "--host", default="127.0.0.1", show_default=True, help=N_("Any other address requires --expose.")
    ),
    click.option("--expose", is_flag=True, help=N_("Allow an address that other machines can reach.")),
    click.option(
        "--name", "names", multiple=True, help=N_("Another host name that clients use for it; repeatable.")
    ),
    click.option(
        "--state", type=click.Path(dir_okay=False, path_type=Path), help=N_("Keep the state in a file.")
    ),
    click.option(
        "--seed",
        type=click.Path(dir_okay=False, exists=True, path_type=Path),
        help=N_("Add the accounts, tags and followers of a file."),
    ),
    click.option("--no-quota", is_flag=True, help=N_("Apply no daily or monthly limits.")),
)


def with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Declare the options of `serve` for the function of a command."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function


def serve(
    ready: Callable[[str], object],
    *,
    port: int,
    host: str,
    expose: bool,
    names: tuple[str, ...],
    state: Path | None,
    seed: Path | None,
    no_quota: bool,
) -> None:
    """Serve until SIGINT or SIGTERM comes.

    Args:
        ready: is called with the base URL when the sandbox listens.

    Raises:
        UsageError: an option cannot be used.
    """
    require_extra("sandbox", needed_for=_("the sandbox"))
    from wechat_sandbox.server import embedded

    if state is not None:
        refuse_carried_links(state, f"--state {state}")
    is_exposed = not is_loopback(host)
    if is_exposed and not expose:
        raise UsageError(
            _("the sandbox listens on loopback only, because anyone who can reach it controls it"),
            location=host,
            hint=_("omit `--host`, or add `--expose` on a network you trust"),
        )
    # Before a thread begins, so that the signals come to this one alone.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)
    try:
        switches = {"quota": False} if no_quota else None
        with embedded(state, switches=switches, seed=seed, host=host, port=port, names=names) as url:
            ready(url)
            if sys.stderr.isatty():
                click.echo(
                    _("Open this address in a browser to see the phones of the followers. Ctrl-C ends it."),
                    err=True,
                )
            if is_exposed:
                click.echo(_("Warning: other machines can reach this sandbox and control it."), err=True)
            signal.sigwait(STOPPED_BY)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def main() -> None:
    """Run `wechat-sandbox` and exit."""
    with suppress(OSError):  # a catalog that is missing: English
        set_language(language_from_env(os.environ))
    try:
        _command().main(prog_name="wechat-sandbox", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        raise SystemExit(int(ExitCode.USAGE)) from None
    except CampaignError as error:
        click.echo(_("Error: {message}").format(message=f"{error}\n→ {error.hint}"), err=True)
        raise SystemExit(int(error.exit_code)) from None


def _command() -> click.Command:
    """Build the command in the language in use."""

    @with_options
    def run(**options: Any) -> None:
        serve(lambda url: click.echo(f"listening on {url}"), **options)

    text = _(
        "Serve the WeChat API on loopback, with followers whose phones you can view.\n\n"
        "The first line printed is `listening on http://127.0.0.1:PORT`; the inbox is at that address."
    )
    command = click.command("wechat-sandbox", help=text)(run)
    for option in command.params:
        if isinstance(option, click.Option) and option.help:
            option.help = _(option.help)
    return command


if __name__ == "__main__":
    main()
