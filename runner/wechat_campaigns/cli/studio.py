"""Serve the studio until Ctrl-C: a page on this machine that shows campaigns, and writes pieces of work."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from wechat_campaigns.cli.context import Context
from wechat_campaigns.cli.options import DIR, ENV, VAR, Effect
from wechat_campaigns.cli.output import print_message
from wechat_campaigns.cli.registry import command
from wechat_campaigns.core.errors import ExitCode, UsageError, require_extra
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.protocol.keys import normalize_id
from wechat_campaigns.render.compile import CompileResult
from wechat_campaigns.report.plan_view import PlanView
from wechat_campaigns.report.sanitize import line
from wechat_campaigns.run.plan import compile_selected, plan_selected
from wechat_campaigns.source.load import find_campaigns
from wechat_campaigns.source.scaffold import literal
from wechat_campaigns.wechat.statistics import read_statistics
from wechat_campaigns.workspace import Workspace

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.serving import BaseWSGIServer

    from wechat_campaigns.report.history import HistoryView
    from wechat_campaigns.studio.bench import Bench, Imported, Sent
    from wechat_campaigns.studio.desk import Desk, Overview, Reads
    from wechat_campaigns.studio.work import Work

LOOPBACK = "127.0.0.1"
POLL_S = 0.05


@command(
    effect=Effect.LOCAL,
    options=(DIR, ENV, VAR),
    examples={
        "campaign studio --open": N_("write, see the phone, send for review"),
        "campaign studio --read-only --open": N_("write in your editor and see the phone change"),
        "campaign studio --clone git@git.example.com:shop/campaigns.git --open": N_("begin on a new machine"),
    },
)
@click.option("--open", "open_", is_flag=True, help="Open the page in a browser.")
@click.option("--port", default=8092, show_default=True, help="0 picks a free port.")
@click.option("--read-only", is_flag=True, help="Only show; nothing can be written.")
@click.option("--clone", metavar="ADDRESS", help="Copy the repository at this address first.")
def studio(context: Context, open_: bool, port: int, read_only: bool, clone: str | None) -> int:
    """Serve a page on this machine where campaigns are written, seen on a phone, and sent for review.

    What is written is a piece of work: a branch with files of its own, below the state folder; this checkout
    stays as it is. Sent for review it is one pull or merge request. The page connects to no account, reads
    no AppSecret and can send nothing: that is the pipeline's. In a sandbox environment it links to the inbox.
    The first line printed is the address, with a token of its own; Ctrl-C ends it.
    """
    require_extra("sandbox", needed_for=_("the command `campaign studio`"))
    from wechat_campaigns.render.articles import preload
    from wechat_campaigns.studio.app import Gate, build
    from wechat_campaigns.studio.desk import Desk, Desks, Live, follow
    from wechat_sandbox.server import listen

    if clone is not None:
        context.root = cloned(clone) / context.root
    preload()  # each save is rendered by a child, which has what is loaded here
    environment, stop = context.settings.environment, threading.Event()
    inbox = context.api_url if environment.is_sandbox else ""
    bench = None if read_only else open_bench(context)

    def open_desk(work: str) -> Desk:
        root = context.root if not work or bench is None else bench.root(work)
        select = partial(bench.messages, work) if work and bench is not None else tuple
        live = Live()
        threading.Thread(target=partial(follow, root, live, stop), daemon=True).start()
        return Desk(partial(reads_at, context, root, select), live, lambda: datetime.now().astimezone())

    desks = Desks(open_desk, partial(fetched, context, bench) if bench is not None else tuple)
    with listen(LOOPBACK, port) as listening:
        gate = Gate(listening.getsockname()[1], writes=bench is not None)
        app = build(desks, gate, environment=environment.name, inbox=inbox, bench=bench)
        # The first plan is made while the browser starts.
        threading.Thread(target=lambda: desks.of("").warm(), daemon=True).start()
        if bench is not None:
            threading.Thread(target=partial(desks.keep_looking, stop), daemon=True).start()
        server = _server(listening, app)
        context.output_data(lambda: gate.address, {"url": gate.address}, quotes_campaigns=False)
        print_message(_("Open this address in a browser. Ctrl-C ends the studio."))
        if open_:
            click.launch(gate.address)
        server.serve_forever(POLL_S)
        stop.set()
    return ExitCode.OK


def cloned(address: str) -> Path:
    """Copy a repository into a folder of its name here; one that was copied before is taken as it is.

    Raises:
        CampaignError: it cannot be copied, or the folder has something else.
    """
    from wechat_campaigns.core.git_checkout import checkout_settings
    from wechat_campaigns.core.git_work import clone

    name = re.split(r"[/:\\]", address.rstrip("/"))[-1].removesuffix(".git") or "campaigns"
    folder = Path(name)
    known = checkout_settings(folder / "campaigns").get("remote.origin.url") if folder.is_dir() else None
    if known != [address]:
        clone(address, folder)
        print_message(_("copied {address} to {folder}").format(address=line(address), folder=folder))
    return folder


def fetched(context: Context, bench: Bench) -> tuple[str, str]:
    """Fetch the campaigns and the ledger from the remote of the checkout, and from nowhere else.

    Returns:
        What differs once others did something.
    """
    from wechat_campaigns.core.git_checkout import DEFAULT_REMOTE, remote_and_branch
    from wechat_campaigns.workspace import LedgerWorkspace

    commit = bench.refresh()
    workspace = LedgerWorkspace(context.root, environment=context.environment)
    backend, _colon, rest = workspace.settings.environment.ledger.partition(":")
    if backend != "git" or remote_and_branch(rest)[0] != DEFAULT_REMOTE:
        return commit, ""
    with closing(workspace.open_ledger()) as ledger:
        return commit, repr(sorted(ledger.heads(ledger.streams()).items()))


def open_bench(context: Context) -> Bench | None:
    """Open the pieces of work of a checkout; outside of one say so, and return None."""
    from wechat_campaigns.core.git_checkout import find_checkout
    from wechat_campaigns.studio.bench import Bench, Ports
    from wechat_campaigns.studio.work import Works

    checkout = find_checkout(context.root)
    if checkout is None:
        print_message(
            _("This folder is in no git checkout, so nothing can be written: the studio only shows.")
        )
        return None
    works = Works(checkout, context.root, context.state_dir, lambda: datetime.now().astimezone())
    ports = Ports(
        read_page=read_pasted,
        request=partial(_request, context.root),
        state=partial(_request_state, context.root),
        hold=partial(_hold, context),
    )
    return Bench(works, ports, lambda: context.namespace)


def _request(root: Path, work: Work, text: str, again: bool) -> Sent:
    from wechat_campaigns.code_host.requests import open_request
    from wechat_campaigns.studio.bench import Sent

    found = open_request(
        work.remote_url, work.branch, work.default, text.splitlines()[0], text,
        root=root, environ=os.environ, push=work.push, earlier=work.facts.request, again=again,
    )  # fmt: skip
    return Sent(found.url, found.state, found.how)


HOLD_S = 60.0


def _hold(context: Context, account: str, reason: str) -> str:
    """Run `campaign hold` as the person would.

    Raises:
        UsageError: it failed; with what it printed.
    """
    words = [sys.executable, "-m", "wechat_campaigns", "hold", "--dir", str(context.root)]
    words += ["--env", context.settings.environment.name, "--reason", reason, "--", account]
    try:
        done = subprocess.run(  # noqa: S603
            words, capture_output=True, text=True, timeout=HOLD_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise UsageError(_("`campaign hold` does not end"), hint=_("run it in a terminal")) from None
    if done.returncode:
        what, _arrow, hint = done.stderr.strip().partition("→ ")
        raise UsageError(what.strip(), hint=hint or _("run it in a terminal"))
    return done.stdout


def _request_state(root: Path, work: Work) -> dict[str, Any]:
    from wechat_campaigns.code_host.requests import request_state

    found = request_state(
        work.remote_url, work.branch, root=root, environ=os.environ, earlier=work.facts.request
    )
    if found is None:
        return {}
    comments = [one._asdict() for one in found.comments]
    return {"url": found.url, "state": found.state, "checks": found.checks, "comments": comments}


def read_pasted(html: str) -> Imported:
    """Read what was copied in another editor; its pictures come from public addresses only, in minutes.

    Raises:
        UsageError: it is too long, or no article.
    """
    from wechat_campaigns.fetch.saved_files import SavedPictures
    from wechat_campaigns.render.articles import read_pasted_page
    from wechat_campaigns.studio.bench import Imported

    saved = read_pasted_page(html)
    with tempfile.TemporaryDirectory(prefix="campaign-studio-") as folder:
        pictures = SavedPictures(folder=Path(folder))
        for address in saved.addresses[: pictures.downloader.limits.files + 1]:
            pictures.save(address)
        data = {name: (Path(folder) / name).read_bytes() for name in set(pictures.names.values())}
    # Names of their own, so that a second paste replaces no picture that something else names.
    named = {name: f"{sha256(data[name]).hexdigest()[:10]}{Path(name).suffix}" for name in data}
    shown = {address: named[name] for address, name in pictures.names.items()}
    lost = [_("not saved: {address}: {reason}").format(address=line(address[:100]), reason=fault.message)
            for address, fault in pictures.failed.items()]  # fmt: skip
    left = [one.message for one in saved.made.findings if one.level != "advice"]
    first = [shown[address] for address in saved.addresses if address in shown]
    return Imported(
        title=saved.title,
        html=literal(saved.html(shown)),
        pictures={named[name]: data[name] for name in data},
        cover=first[0] if first else "",
        notes=(*lost, *left),
    )


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


def reads_at(context: Context, root: Path, select: Callable[[], tuple[str, ...]]) -> Reads:
    """Read one state of the campaigns, or of those of a piece of work, which has the same ledger."""
    # A workspace of its own reads every file again.
    workspace = Workspace(
        root, environment=context.environment, variables=context.variables, state_of=context.root
    )
    return reads_of(workspace, select)


def reads_of(workspace: Workspace, select: Callable[[], tuple[str, ...]] = tuple) -> Reads:
    """Read one state of a campaigns folder, offline; its settings when they are asked for.

    Args:
        select: returns the campaigns that are planned; all of them if it returns none.
    """
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

        return contain(compile_selected(workspace, select(), faulty), planned)

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
