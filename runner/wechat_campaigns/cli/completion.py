"""Print the script that a shell loads to complete commands and ids."""

from __future__ import annotations

import click

from wechat_campaigns.cli.completers import VARIABLE
from wechat_campaigns.cli.effects import Effect
from wechat_campaigns.cli.output import print_result
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode
from wechat_campaigns.core.i18n import N_


@command(
    effect=Effect.NONE,
    examples={
        "source <(campaign completion bash)": N_("bash 4.4 or newer; the same for zsh"),
        "campaign completion fish | source": N_("fish"),
        "campaign completion powershell | Out-String | Invoke-Expression": N_("PowerShell 5.1 or newer"),
    },
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completion(shell: str) -> int:
    """Print the shell completion script for commands, options, ids and names from the settings."""
    from click.shell_completion import get_completion_class

    from wechat_campaigns.cli.main import campaign

    script = get_completion_class(shell)
    if script is None:
        raise AssertionError("click knows these shells")
    print_result(script(campaign, {}, "campaign", VARIABLE).source())
    return ExitCode.OK
