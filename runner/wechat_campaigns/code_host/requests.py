"""Open the pull or merge request of a branch, bring it up to date, and read what reviewers answered."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from wechat_campaigns.code_host.ci_run import Service, member
from wechat_campaigns.code_host.merged_requests import github, gitlab
from wechat_campaigns.code_host.rest import CodeHost, StatusError, as_described, without_mark
from wechat_campaigns.core.errors import CampaignError, CodeHostError, SecretError
from wechat_campaigns.core.git_checkout import origin_server, server_of
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.redact import escape_invisible, redact_message
from wechat_campaigns.source.secret import run_command

Push = Callable[[Sequence[str]], str]
"""Pushes the branch with these push options, and returns what the remote printed."""
GH_TIMEOUT_S: Final = 10
TITLE_CHARS: Final = 255
BODY_CHARS: Final = 10_000
"""A push option may have 65,516 bytes."""
ADDRESS_CHARS: Final = 4000
"""Of a body in an address: GitHub refuses addresses of some 8,000."""
FAILED: Final = re.compile("fail|error|cancel|timed_out|action_required|stale")
PASSED: Final = {"success", "neutral", "skipped"}
_IS_MERGE_REQUEST = re.compile(r"/merge_requests/\d+$")
_PRINTED = re.compile(r"^(.*\b(?:pull|merge) request\b.*)\n+(https?://[^\s<>\"'@]+)", re.MULTILINE)
_WARNING = re.compile(r"Error encountered with push options?.*': *(.{1,200}?)(?= *={8}| To create|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRequest:
    """The request of a branch that was pushed."""

    url: str
    """Of the request, or of the page that opens it; empty where that page is not known."""
    state: str
    """`open`, `merged` or `closed`; empty where a person opens it, on that page or by hand."""
    how: str
    """What happened, in words; what the code host refused, with the way out."""


class ReviewComment(NamedTuple):
    """What a person wrote in a request."""

    author: str
    text: str
    path: str | None
    """From the top of the repository."""
    line: int | None
    """None also where the line was changed since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewState:
    """A request as the code host has it now."""

    number: int
    url: str
    state: str
    head: str
    """Its newest commit."""
    checks: str = ""
    """`running`, `passed` or `failed`; empty without any, or where the token may not read them."""
    comments: tuple[ReviewComment, ...] = ()
    """The oldest first; at GitLab without what is resolved."""


class _Project(NamedTuple):
    service: Service | None
    host: str
    web: str
    path: str
    """OWNER/NAME; at GitLab with the groups."""
    api: str
    tokens: tuple[str, ...]
    """The variables of `gh` and `glab` for hosts of this kind."""
    is_default: bool
    """Whether they are for this host."""

    @property
    def root(self) -> str:
        is_github = self.service == "GitHub"
        return f"/repos/{quote(self.path)}" if is_github else f"/projects/{quote(self.path, safe='')}"


def gh_token(host: str) -> str:
    """Return the token that the program `gh` has for a host; empty without the program or a login.

    Source: GitHub CLI, gh auth token, read 2026-11.
    """
    command = ("gh", "auth", "token", "--hostname", host)
    try:
        return run_command(command, hint="", location="gh", timeout_s=GH_TIMEOUT_S).strip()
    except SecretError:
        return ""


def open_request(
    remote_url: str, branch: str, base: str, title: str, body: str, *, root: Path, environ: Mapping[str, str],
    push: Push, reviewers: Sequence[str] = (), earlier: str = "", again: bool = False,
    gh: Callable[[str], str] = gh_token,
) -> ReviewRequest:  # fmt: skip
    """Push a branch and open its request, or bring the open one up to date: a branch never has two.

    Args:
        remote_url: where `push` pushes to.
        root: the campaigns folder; only the host of its checkout's `origin` may get a token.
        earlier: the address that the last call returned for this branch.
        again: open another request if the one before was closed or merged.
        gh: returns the token for a host.

    Returns:
        The request; what the code host refuses after the push is in its words, never raised.

    Raises:
        CampaignError: as `push`.

    Source: GitHub, REST API endpoints for pull requests and for review requests, Using query parameters to
    create a pull request; GitLab, Push options; read 2026-11.
    """
    project = _project(remote_url, environ, earlier)
    title, body = " ".join(_safe(title).split())[:TITLE_CHARS] or branch, _safe(body)[:BODY_CHARS]
    page = _page(project, branch, base, title, body)
    if project.service == "GitLab":
        options = [f"merge_request.title={title}"]
        if body:  # git takes no line end in an option: GitLab makes one of these two characters
            one_line = body.replace("\\n", "&#92;n").replace("\n", "\\n")
            options.append(f"merge_request.description={one_line}")
        if is_new := again or not _IS_MERGE_REQUEST.search(earlier):
            options += ["merge_request.create", f"merge_request.target={base}"]
            options += [f"merge_request.assign={name}" for name in reviewers if name.isprintable()]
        return _by_push(push, options, project, page if is_new else earlier, is_new=is_new)
    printed = push(())
    if project.service == "GitHub":
        how = _("the branch was pushed; open the request on this page, or run `gh auth login` and send again")
        try:
            if api := _api(project, environ, root, gh):
                sent = {"title": title, "body": body, "head": branch, "base": base}
                return _by_api(api, project, sent, reviewers, again=again)
        except CampaignError as error:
            how = _explained(project, error)
        return ReviewRequest(url=page, state="", how=how)
    url, is_open = _printed(printed, project)
    how = _("the branch {branch} was pushed; open a request for it at the code host").format(branch=branch)
    if is_open:
        how = _("the request was updated")
    return ReviewRequest(url=url, state="open" if is_open else "", how=how)


def request_state(
    remote_url: str, branch: str, *, root: Path, environ: Mapping[str, str], earlier: str = "",
    gh: Callable[[str], str] = gh_token,
) -> ReviewState | None:  # fmt: skip
    """Read the newest request of a branch, its checks and comments; otherwise as `open_request`.

    Returns:
        None without a request, or without a token for the code host.

    Raises:
        CodeHostError: the code host does not answer.

    Source: GitHub, REST API endpoints for issue comments, reviews, review comments, check runs and commit
    statuses; GitLab, Merge requests API, Discussions API; read 2026-11.
    """
    project = _project(remote_url, environ, earlier)
    api = _api(project, environ, root, gh)
    found = _found(api, project, branch) if api else None
    if api is None or found is None:
        return None
    with as_described(N_("comments")):
        words = set(filter(None, _checks(api, project, found)))
        comments = tuple(one for one in _comments(api, project, found) if one.text)
    waits = "running" if words - PASSED else "passed" if words else ""
    checks = "failed" if any(map(FAILED.search, words)) else waits
    return replace(found, checks=checks, comments=comments)


# --- where the repository is, and the token for it


def _project(remote_url: str, environ: Mapping[str, str], earlier: str) -> _Project:
    """Read a remote's address: `git@HOST:PATH`, `ssh://`, `https://`, also with a user in it.

    Source: GitHub, Getting started with the REST API; GitHub CLI, gh environment; read 2026-11.
    """
    host, parts = server_of(remote_url), urlsplit(remote_url)
    path = parts.path if "://" in remote_url else remote_url.partition(":")[2]
    path = unquote(path).strip("/").removesuffix(".git")
    web = f"{'http' if parts.scheme == 'http' else 'https'}://{host}"
    its_github = environ.get("GH_HOST", "").casefold() or None
    its_gitlab = environ.get("GITLAB_HOST", "gitlab.com").rstrip("/").rpartition("/")[2].casefold()
    if host == "github.com" or host.endswith(".ghe.com"):
        tokens = ("GH_TOKEN", "GITHUB_TOKEN")
        return _Project("GitHub", host, web, path, f"https://api.{host}", tokens, is_default=True)
    if host == its_github or host.startswith("github."):
        tokens = ("GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN")
        return _Project("GitHub", host, web, path, f"{web}/api/v3", tokens, is_default=host == its_github)
    is_gitlab = host == its_gitlab or host.startswith("gitlab.") or _IS_MERGE_REQUEST.search(earlier)
    service: Service | None = "GitLab" if host and is_gitlab else None
    return _Project(service, host, web, path, f"{web}/api/v4", ("GITLAB_TOKEN",), host == its_gitlab)


def _api(
    project: _Project, environ: Mapping[str, str], root: Path, gh: Callable[[str], str]
) -> CodeHost | None:
    """Open the API with the token for this host; None without one."""
    token = next(filter(None, (environ.get(name, "").strip() for name in project.tokens)), "")
    if token and not project.is_default:
        return None  # it is another host's; `gh`, too, would print it for any
    if not token and project.service == "GitHub" and origin_server(root) == project.host:
        token = gh(project.host)
    if project.service is None or not re.fullmatch("[!-~]+", token):
        return None
    opened, name = (github, "GITHUB_API_URL") if project.service == "GitHub" else (gitlab, "CI_API_V4_URL")
    return opened({name: project.api, **environ}, token, root)


def _page(project: _Project, branch: str, base: str, title: str, body: str) -> str:
    while len(quote(body)) > ADDRESS_CHARS:
        body = body[: len(body) * 3 // 4]
    start = f"{project.web}/{quote(project.path)}"
    if project.service == "GitHub":
        query = urlencode({"title": title, "body": body}, quote_via=quote)
        return f"{start}/compare/{quote(base)}...{quote(branch)}?expand=1&{query}"
    fields = {"source_branch": branch, "target_branch": base, "title": title, "description": body}
    query = urlencode({f"merge_request[{key}]": value for key, value in fields.items()}, quote_via=quote)
    return f"{start}/-/merge_requests/new?{query}"


def _safe(text: str) -> str:
    """Make a text safe to send: nothing hidden or secret, no mark of ours, no command (GitLab's `/merge`)."""
    text = _shown(text).replace("<!--", "<! --")
    return re.sub(r"^([ \t]*)/", r"\1\/", text, flags=re.MULTILINE).strip()


def _shown(text: str) -> str:
    return redact_message(escape_invisible(text))


def _explained(project: _Project, error: CampaignError) -> str:
    hint = _("open it on this page, or send it again in a minute")
    if isinstance(error, StatusError) and error.status in (401, 403, 404):
        hint = _("open it on this page, or renew the token (`gh auth login`); it must allow pull requests")
    what = _("{service} did not accept the request: {what}; {hint}")
    return what.format(service=project.service, what=error.message, hint=hint)


# --- open or update


def _by_api(
    api: CodeHost, project: _Project, sent: Mapping[str, str], reviewers: Sequence[str], *, again: bool
) -> ReviewRequest:
    pulls, found = f"{project.root}/pulls", _found(api, project, sent["head"])
    if found and found.state == "open":
        how = _("the request was updated")
        try:
            api.write("PATCH", f"{pulls}/{found.number}", {key: sent[key] for key in ("title", "body")})
        except CodeHostError as error:
            how = _("the request has what was pushed, but not its new text: {what}").format(
                what=error.message
            )
        return ReviewRequest(url=found.url, state="open", how=how)
    if found and not again:
        how = _("this request was closed; reopen it there, or send again to open another")
        if found.state == "merged":
            how = _("this request was merged; begin new work, or send again to open another")
        return ReviewRequest(url=found.url, state=found.state, how=how)
    with as_described(N_("pull requests")):
        made = api.write("POST", pulls, sent)
        number, url, author = made["number"], str(made["html_url"]), made["user"]["login"].casefold()
    how, names = _("the request was opened"), [name for name in reviewers if name.casefold() != author]
    try:
        if names:
            api.write("POST", f"{pulls}/{number}/requested_reviewers", {"reviewers": names})
    except CodeHostError as error:
        how = _("the request was opened; its reviewers were not asked: {what}").format(what=error.message)
    return ReviewRequest(url=url, state="open", how=how)


def _by_push(
    push: Push, options: Sequence[str], project: _Project, page: str, *, is_new: bool
) -> ReviewRequest:
    """Push to a GitLab, which opens or updates the request as it takes the push: that needs no token."""
    try:
        printed = push(options)
    except CampaignError as error:
        if "does not support push options" not in error.text:
            raise
        printed = push(())
    url, is_open = _printed(printed, project)
    if is_open:
        how = _("the request was opened") if is_new else _("the request was updated")
        return ReviewRequest(url=url, state="open", how=how)
    if url and not is_new:
        how = _("this request was closed or merged; begin new work, or send again to open another")
        return ReviewRequest(url=page, state="closed", how=how)
    how = _("the branch was pushed; look for its request on this page")
    if warning := _WARNING.search(" ".join(printed.replace("remote:", " ").split())):
        how = _explained(project, CodeHostError(_shown(warning[1]), hint=""))
    return ReviewRequest(url=page, state="", how=how)


def _printed(text: str, project: _Project) -> tuple[str, bool]:
    """Return the address that a push printed for a request of this repository, and whether it is open."""
    lines = "\n".join(line.strip().removeprefix("remote:").strip() for line in text.splitlines())
    for words, url in reversed(_PRINTED.findall(lines)):
        if f"/{project.path}/".casefold() in unquote(url).casefold():
            return url, words.startswith(("View merge", "Visit the existing"))
    return "", False


# --- read


def _found(api: CodeHost, project: _Project, branch: str) -> ReviewState | None:
    """Find the open request of a branch, else the newest; one from a fork does not count."""
    ours, filters = list[ReviewState](), "state=all&per_page=100"
    with as_described(N_("pull requests") if project.service == "GitHub" else N_("merge requests")):
        if project.service == "GitHub":
            label = quote(f"{project.path.partition('/')[0]}:{branch}", safe="")
            for row in api.get(f"{project.root}/pulls?{filters}&head={label}"):
                whose = str(member(row, "head", "repo", "full_name")).casefold()
                if row["head"]["ref"] == branch and whose == project.path.casefold():
                    number, url, head = row["number"], row["html_url"], row["head"]["sha"]
                    state = "merged" if row["merged_at"] else row["state"]
                    ours.append(ReviewState(number=number, url=url, state=state, head=head))
        else:
            source = quote(branch, safe="")
            for row in api.get(f"{project.root}/merge_requests?{filters}&source_branch={source}"):
                if row["source_project_id"] == row["target_project_id"]:
                    number, url, head = row["iid"], row["web_url"], row["sha"]
                    state = row["state"] if row["state"] in ("closed", "merged") else "open"
                    ours.append(ReviewState(number=number, url=url, state=state, head=head))
    return max(ours, key=lambda one: (one.state == "open", one.number), default=None)


def _checks(api: CodeHost, project: _Project, found: ReviewState) -> Iterator[Any]:
    if project.service == "GitLab":
        yield member(api.get(f"{project.root}/merge_requests/{found.number}"), "head_pipeline", "status")
        return
    for name, key in (("check-runs", "check_runs"), ("status", "statuses")):
        try:
            for row in api.get(f"{project.root}/commits/{found.head}/{name}?per_page=100")[key]:
                yield row.get("conclusion") or row.get("state") or row["status"]
        except StatusError as error:
            if error.status not in (403, 404):  # a token may be able to read the request, but not these
                raise


def _comments(api: CodeHost, project: _Project, found: ReviewState) -> Iterator[ReviewComment]:
    number = found.number
    if project.service == "GitHub":
        kinds = (f"issues/{number}/comments", f"pulls/{number}/comments", f"pulls/{number}/reviews")
        rows = [row for kind in kinds for row in api.all(f"{project.root}/{kind}")]
    else:
        threads = api.all(f"{project.root}/merge_requests/{number}/discussions")
        rows = [note for thread in threads for note in thread["notes"]]
    for row in sorted(rows, key=lambda row: str(row.get("created_at") or row.get("submitted_at"))):
        if row.get("state") != "PENDING" and not row.get("system") and not row.get("resolved"):
            author = member(row, "user", "login") or member(row, "author", "username") or ""
            text = _shown(without_mark(str(row.get("body") or "")))
            place = row["position"] if isinstance(row.get("position"), dict) else row
            path, line = (place.get(key) or place.get(f"new_{key}") for key in ("path", "line"))
            yield ReviewComment(str(author), text, path, line)
