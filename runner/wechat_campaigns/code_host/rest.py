"""Call the REST API of GitHub or GitLab, bounded in time and number; keep comments and issues up to date."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from urllib3.util import Retry

from wechat_campaigns.code_host.ci_run import member
from wechat_campaigns.core.errors import CodeHostError, UsageError
from wechat_campaigns.core.i18n import N_, _
from wechat_campaigns.core.sessions import DeadlineError, open_session

TIMEOUT_S = 20.0
WHOLE_S = 120.0
"""For a read with its repeats."""
READS_AGAIN = Retry(
    2,
    allowed_methods=["GET"],
    status_forcelist=range(500, 600),
    raise_on_status=False,
    respect_retry_after_header=False,
)
"""Two more tries of a read; what writes is sent once."""
PER_PAGE = 100
MAX_PAGES = 50
# Deliberately narrow: what two parsers of addresses could read in two ways is not accepted at all.
_HTTPS = re.compile(r"https://(?P<server>[a-z0-9.-]+(?::\d{1,5})?)(?:/[\w.~/-]*)?", re.ASCII)
_LOOPBACK = re.compile(r"https?://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?/?", re.ASCII)
_MARK = re.compile(r"<!-- campaign:[a-z]+ environment=[^\s<>]* -->")
_COMMIT = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHost:
    """A forge's API with the credentials of one run; they go nowhere else, not even after a redirect.

    Raises:
        CodeHostError: the address is not of the host that the checkout came from. It is a variable of the
            job, and a stranger may choose those: the host would get the token, and its word would count.
    """

    api_url: str
    origin: str | None
    """The host of the checkout's remote `origin`; empty for one on this machine."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Refuse another host."""
        address = _HTTPS.fullmatch(self.api_url.lower())
        if address and self.origin and address["server"] in (self.origin, f"api.{self.origin}"):
            return
        is_here = self.origin == "" or _LOOPBACK.fullmatch(f"http://{self.origin}")
        if is_here and _LOOPBACK.fullmatch(self.api_url):
            return
        raise CodeHostError(
            _("the token is not sent to {address}: this checkout came from {origin}").format(
                address=self.api_url, origin=self.origin or _("no other host")
            ),
            hint=_(
                "run the job in a checkout whose remote `origin` is on the code host; remove the variable"
            ),
        )

    def get(self, path: str) -> Any:
        """Read one object as JSON.

        Args:
            path: below the API's address, with its query.

        Raises:
            CodeHostError: it does not answer, or not with what was asked.
        """
        return _json(self._call("GET", path), path)

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Read a list, page by page.

        Raises:
            CodeHostError: as `get`; the answer is not a list of objects, or endless.
        """
        for page in range(1, MAX_PAGES + 1):
            answer = self._call("GET", f"{path}?per_page={PER_PAGE}&page={page}")
            rows = _json(answer, path)
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise _unexpected_response_error(path)
            yield from rows
            if "next" not in answer.links:
                return
        raise CodeHostError(
            _("the list has more than {count} entries").format(count=MAX_PAGES * PER_PAGE),
            hint=_("remove the entries that are not needed"),
            location=path,
        )

    def write(self, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """Send one object, once."""
        return _json(self._call(method, path, body), path)

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
        url = f"{self.api_url.rstrip('/')}{path}"
        try:
            with open_session(url) as session, session.within(WHOLE_S):
                session.adapter.max_retries = READS_AGAIN
                answer = session.request(
                    method,
                    url,
                    json=body,
                    headers=dict(self.headers),
                    auth=lambda request: request,  # else a .netrc of the runner would replace our header
                    timeout=TIMEOUT_S,
                )
        except (requests.RequestException, DeadlineError) as error:
            raise CodeHostError(
                _("no response: {error}").format(error=type(error).__name__),
                hint=_("run the same command again"),
                location=path,
            ) from error
        if not 200 <= answer.status_code < 300:
            raise StatusError(answer, path)
        return answer


class StatusError(CodeHostError):
    """The code host refused a request, by its status."""

    def __init__(self, answer: requests.Response, path: str) -> None:
        self.status = answer.status_code
        what = _("the code host returned status {status}").format(status=self.status)
        again = self.status >= 500 or self.status == 429
        super().__init__(
            _(": ").join(filter(None, (what, _reason(answer)))),
            hint=_("run the same command again") if again else _("check the token and its permissions"),
            location=path,
        )


def _reason(answer: requests.Response) -> str:
    """Return the words of a refusal, which stand in other places at GitHub and GitLab; empty without any."""
    try:
        data = answer.json()
    except (ValueError, RecursionError):
        return ""
    errors = member(data, "errors")
    detail = member(errors[0], "message") if isinstance(errors, list) and errors else None
    words = detail or member(data, "message") or member(data, "error")
    return "".join(filter(str.isprintable, words))[:200] if isinstance(words, str) else ""


@contextmanager
def as_described(where: str) -> Iterator[None]:
    """Turn what an answer lacks into words: the shapes are the forge's, and it may change them.

    Args:
        where: what was asked for, marked with `N_`.

    Raises:
        CodeHostError: a field is missing or is something else.
    """
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _unexpected_response_error(_(where)) from error


def _json(answer: requests.Response, path: str) -> Any:
    try:
        return answer.json()
    except (ValueError, RecursionError) as error:
        raise _unexpected_response_error(path) from error


def _unexpected_response_error(path: str) -> CodeHostError:
    return CodeHostError(
        _("the response does not have the documented format"),
        hint=_("check the address of the API"),
        location=path,
    )


# --- comments and issues: made once, then brought up to date in place


def comment_body(report: str, head: str | None) -> str:
    """Make a comment of a report.

    Args:
        report: Markdown as `--report markdown=FILE` writes it; its first line is the invisible mark by which
            the comment is found again, one for each command and environment.
        head: the pull request's newest commit; a comment may lag behind, so it is named.

    Returns:
        The mark first; a report leaves room for the rest of what GitHub accepts.

    Raises:
        UsageError: the report has no mark.
    """
    mark, _end, rest = report.partition("\n")
    if not _MARK.fullmatch(mark):
        raise UsageError(
            _("this report lacks the marker by which its comment is found again"),
            hint=_("write it with `campaign plan --report {format}=FILE`").format(format="markdown"),
        )
    known = head is not None and _COMMIT.fullmatch(head)
    named = _("Head commit `{commit}`").format(commit=head) + "\n\n" if known else ""
    return f"{mark}\n{named}{rest}"


def without_mark(text: str) -> str:
    """Return a comment as people see it: without marks as `comment_body` has, by any author."""
    return _MARK.sub("", text).strip()


@as_described(N_("comments"))
def upsert(github: CodeHost, repository: str, number: int, body: str, *, author: str) -> int:
    """Write the comment, over its earlier self if there is one; its id.

    Args:
        repository: OWNER/NAME.
        body: begins with the mark.
        author: whose comment it is; somebody else's with the same mark is left alone.

    Raises:
        CodeHostError: GitHub did not take it.

    Source: GitHub, REST API endpoints for issue comments, read 2026-11.
    """
    mark, comments = body.partition("\n")[0], f"/repos/{repository}/issues/{number}/comments"
    for comment in github.all(comments):
        if _is_ours(comment, mark, author):
            path = f"/repos/{repository}/issues/comments/{comment['id']}"
            return int(github.write("PATCH", path, {"body": body})["id"])
    return int(github.write("POST", comments, {"body": body})["id"])


@as_described(N_("issues"))
def upsert_issue(github: CodeHost, repository: str, report: str, *, author: str) -> int:
    """Open the issue of a report, or write over the open one; its number.

    Args:
        repository: OWNER/NAME.
        report: Markdown as `--report markdown=FILE` writes it: the mark, then a heading, which is the title.
        author: whose issue it is; somebody else's with the same mark is left alone.

    Raises:
        CodeHostError: GitHub did not take it.
        UsageError: the report has no mark.

    Source: GitHub, REST API endpoints for issues, read 2026-11.
    """
    body = {"title": _title(report), "body": comment_body(report, None)}
    number = _open_issue(github, repository, report, author)
    if number is None:
        return int(github.write("POST", f"/repos/{repository}/issues", body)["number"])
    return int(github.write("PATCH", f"/repos/{repository}/issues/{number}", body)["number"])


@as_described(N_("issues"))
def close_issue(github: CodeHost, repository: str, report: str, *, author: str) -> int | None:
    """Close the issue of a report; its number, or None when none is open. Otherwise as `upsert_issue`."""
    number = _open_issue(github, repository, report, author)
    if number is not None:
        body = {"body": comment_body(report, None), "state": "closed", "state_reason": "completed"}
        github.write("PATCH", f"/repos/{repository}/issues/{number}", body)
    return number


def _open_issue(github: CodeHost, repository: str, report: str, author: str) -> int | None:
    mark = report.partition("\n")[0]
    # The list holds pull requests as well; it leaves out what is closed.
    return next(
        (
            int(issue["number"])
            for issue in github.all(f"/repos/{repository}/issues")
            if "pull_request" not in issue and _is_ours(issue, mark, author)
        ),
        None,
    )


def _is_ours(found: dict[str, Any], mark: str, author: str) -> bool:
    user = found.get("user") or {}
    return user.get("login") == author and str(found.get("body") or "").startswith(f"{mark}\n")


def _title(report: str) -> str:
    heading = next((line for line in report.splitlines() if line.startswith("## ")), "## campaign")
    return heading.removeprefix("## ").replace("`", "")
