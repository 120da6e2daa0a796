"""Show what a follower will see: once, or live on a page while campaigns are being written."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, VAR, Effect, campaign_ids
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.digest import to_plain_data
from wechat_campaigns.core.errors import ExitCode, InvalidError, UsageError, require_extra
from wechat_campaigns.core.files import file_errors, private_folder, replace_file
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.model import Send
from wechat_campaigns.messages import Articles, Draft
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.report.phrases import recipients
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.problems import Formats
from wechat_campaigns.report.sanitize import FORMAT_VERSION, inert, json_text
from wechat_campaigns.run.plan import compile_selected, plan_selected, selected
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.wechat.statistics import read_statistics
from wechat_campaigns.workspace import Workspace

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

    from wechat_campaigns.report.history import HistoryView
    from wechat_campaigns.studio.desk import Overview, Reads


@command(
    effect=Effect.NONE,
    formats=("text", "json", "html"),
    options=(DIR, ENV, VAR),
    examples={
        "campaign render sale": N_("print the text, write pages to the state folder"),
        "campaign render 'tasting[beijing]' --open": N_("open one send of a for_each in the browser"),
    },
)
@click.argument("select", metavar="ID", shell_complete=campaign_ids)
@click.option("--open", "open_", is_flag=True, help="Open the pages in a browser.")
def render(context: Context, select: str, open_: bool) -> int:
    """Show what a follower will see: text here, and a page with a phone for each message.

    ID is a campaign, or one send of it: sale[beijing]. Pages are written to the state folder and their
    paths are printed; for a single send, `--report html=FILE` sets another path. Of a draft of the console,
    only its name is shown. `campaign studio` shows the same live, after every save.
    """
    from wechat_campaigns.render.phone import page

    found = selected(context, (select,))
    if found.compiled.errors:
        raise InvalidError(found.compiled.errors)
    sends = found.sends
    if any(isinstance(send.content, Draft) for send in sends):
        message = _("a draft of the console is shown by its name; `campaign plan` reads its articles")
        context.show_progress(message)
    pages = {send.id: page(send, data=context.read, to=recipients(send.filter)) for send in sends}
    folder = context.state_dir / "render"
    with file_errors(folder):
        private_folder(folder)
    targets = {folder / f"{re.sub('[/:#]', '.', name)}.html": html for name, html in pages.items()}
    for target, html in targets.items():
        with file_errors(target):
            replace_file(target, html.encode(), private=True)
        context.show_progress(_("page: {file}").format(file=target))
    formats: Formats = {
        "text": lambda: "\n\n".join(send_text(send) for send in sends),
        "json": lambda: json_text(
            {
                "format_version": FORMAT_VERSION,
                "sends": [{"id": send.id, "content": to_plain_data(send.content)} for send in sends],
            }
        ),
        "html": lambda: _only(pages),
    }
    context.output(formats)
    for target in targets if open_ else ():
        click.launch(str(target))
    return ExitCode.OK


def _only(pages: Mapping[str, str]) -> str:
    if len(pages) > 1:
        hint = _("use one of: {names}").format(names=_(", ").join(pages))
        raise UsageError(_("a page in HTML holds one message, and these are several"), hint=hint)
    return next(iter(pages.values()))


def send_text(send: Send) -> str:
    """Write a send for the terminal: a heading, then the text as a follower reads it, made harmless."""
    to = _("to {recipients}").format(recipients=recipients(send.filter))
    lines = [f"── {send.id} · {send.content.kind_name()} · {to} ──"]
    shown = send.content.visible
    if isinstance(shown, Articles):
        lines += [f"{number}. {title}" for number, title in enumerate(shown.titles(), 1)]
    else:
        lines += shown.lines()
    return inert("\n".join(lines))


LOOPBACK = "127.0.0.1"
POLL_S = 0.05


@command(
    effect=Effect.NONE,
    options=(DIR, ENV, VAR),
    examples={
        "campaign studio --open": N_("write in your editor and see the phone change"),
        "campaign studio --env production --port 0": N_("on a free port"),
    },
)
@click.option("--open", "open_", is_flag=True, help="Open the pages in a browser.")
@click.option("--port", default=8092, show_default=True, help="0 picks a free port.")
def studio(context: Context, open_: bool, port: int) -> int:
    """Serve a page on this machine that shows each campaign on a follower's phone, live after every save.

    Problems stand beside the phone and open the file in the editor. The page also shows the plan (made
    offline), the calendar and the results; in a sandbox environment it links to the inbox. It can neither
    send nor write. The first line printed is the address, with a token of its own; Ctrl-C ends it.
    """
    require_extra("sandbox", needed_for=_("the command `campaign studio`"))
    from wechat_campaigns.render.articles import preload
    from wechat_campaigns.studio.app import Gate, build
    from wechat_campaigns.studio.desk import Desk, Live, follow
    from wechat_sandbox.server import listen

    preload()  # each save is rendered by a child, which has what is loaded here
    environment, live, stop = context.settings.environment, Live(), threading.Event()
    inbox = context.api_url if environment.is_sandbox else ""

    def open_reads() -> Reads:
        # A workspace of its own reads every file again.
        return reads_of(Workspace(context.root, environment=context.environment, variables=context.variables))

    with listen(LOOPBACK, port) as listening:
        gate = Gate(listening.getsockname()[1])
        desk = Desk(open_reads, live, lambda: datetime.now().astimezone())
        app = build(desk, gate, environment=environment.name, inbox=inbox)
        # The first plan is made while the browser starts.
        for work in (desk.warm, lambda: follow(context.root, live, stop)):
            threading.Thread(target=work, daemon=True).start()
        server = _server(listening, app)
        context.output_data(lambda: gate.address, {"url": gate.address}, quotes_campaigns=False)
        print_message(_("Open this address in a browser. Ctrl-C ends the studio."))
        if open_:
            click.launch(gate.address)
        server.serve_forever(POLL_S)
        stop.set()
    return ExitCode.OK


def _server(listening: socket.socket, app: Flask) -> BaseWSGIServer:
    """Make the server; it ends when the process is told to."""
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Handler(WSGIRequestHandler):
        """Keeps connections open, answers at once, writes no log: addresses hold the token."""

        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log(self, type: str, message: str, *args: object) -> None:
            """Write nothing."""

    host, port = listening.getsockname()[:2]
    server = make_server(host, port, app, threaded=True, request_handler=Handler, fd=listening.fileno())
    for number in (signal.SIGINT, signal.SIGTERM):
        # What is called in the main thread would wait for itself.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    return server


def reads_of(workspace: Workspace) -> Reads:
    """Read one state of a campaigns folder, offline; its settings when they are asked for."""
    from wechat_campaigns.cli.history import month_view, standing_rows
    from wechat_campaigns.plan.hints import holds_of
    from wechat_campaigns.report.history import history_view, report_lines
    from wechat_campaigns.studio.data import overview_data
    from wechat_campaigns.studio.desk import Reads, contain, faulty

    def timezone() -> str:
        return workspace.settings.policy.timezone

    def render(campaign: str) -> CompileResult:
        found = find_campaigns(workspace.root, (), workspace.settings.namespace)[0]
        if not any(normalize_id(item.id) == normalize_id(campaign) for item in found):
            return CompileResult(sends=(), problems=(), invalid=())
        return compile_selected(workspace, (campaign,), faulty)

    def overview() -> Overview:
        state = workspace.fold_ledger()

        def planned(compiled: CompileResult) -> Overview:
            plan = plan_selected(workspace, (), state, compiled=compiled).plan
            view = PlanView(plan=plan, timezone=timezone(), errors=compiled.errors)
            return overview_data(tuple(compiled.files.values()), view), view

        return contain(compile_selected(workspace, (), faulty), planned)

    def history() -> HistoryView:
        environment, state, now = workspace.settings.environment, workspace.fold_ledger(), workspace.clock()
        kept = {appid: read_statistics(workspace.statistics_file(appid)) for appid in environment.by_appid}
        lines = report_lines(standing_rows(workspace, state), state, environment, kept, now)
        holds = holds_of(environment, state, now)
        return replace(history_view(lines), unverified=workspace.unverified, holds=holds)

    return Reads(
        render=render,
        overview=overview,
        calendar=lambda month: month_view(workspace, month)[0],
        history=history,
        file=workspace.read,
        timezone=timezone,
    )
