"""GitHub and GitLab on loopback: the few endpoints the runner uses, in the shapes of their documentation."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.served import QuietHandler, served

COMMIT_PULLS = re.compile(r"/repos/[^/]+/[^/]+/commits/[0-9a-f]{40}/pulls")
BOT = {"login": "github-actions[bot]", "id": 41898282, "type": "Bot"}


@dataclass
class FakeCodeHost:
    """Lists by path, a token that may write and one that may only read; everything asked is kept."""

    lists: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    objects: dict[str, Any] = field(default_factory=dict)
    writing_token: str = "writing-token"
    reading_token: str = "reading-token"
    failures: list[int] = field(default_factory=list)
    """Statuses to answer with first."""
    refused: dict[str, int] = field(default_factory=dict)
    """By method: the status of each of its requests."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    def comments(self, repository: str, number: int) -> list[dict[str, Any]]:
        """List the comments of a pull request, oldest first."""
        return self.lists.setdefault(f"/repos/{repository}/issues/{number}/comments", [])

    def issues(self, repository: str) -> list[dict[str, Any]]:
        """List the issues of a repository, open or closed."""
        return self.lists.setdefault(f"/repos/{repository}/issues", [])

    def pulls(self, repository: str) -> list[dict[str, Any]]:
        """List the pull requests of a repository, newest first, open or not."""
        return self.lists.setdefault(f"/repos/{repository}/pulls", [])

    def answer(
        self, method: str, path: str, token: str, body: Any, query: Mapping[str, list[str]]
    ) -> tuple[int, Any]:
        """Answer one request."""
        self.tokens.add(token)
        if self.failures:
            return self.failures.pop(0), {"message": "ordered"}
        if method in self.refused:
            return self.refused[method], {"message": "Refused", "errors": [{"message": f"No {method} here"}]}
        if token not in (self.writing_token, self.reading_token):
            return 401, {"message": "Bad credentials"}
        if method == "GET":
            found = self.lists.get(path, self.objects.get(path))
            if found is None and COMMIT_PULLS.fullmatch(path):
                found = []  # a commit that came by no request
            if found is not None and path.endswith("/issues"):
                found = [issue for issue in found if issue["state"] == "open"]
            return (404, {"message": "Not Found"}) if found is None else (200, _filtered(found, query))
        if token != self.writing_token:
            return 403, {"message": "Resource not accessible by integration"}
        if "/pulls" in path:
            return self._pull(method, path, body)
        return self._written(method, path, body)

    def _pull(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Open or change a pull request, or ask its reviewers.

        Source: GitHub, REST API endpoints for pull requests, and for review requests; what it refuses:
        peter-evans/create-pull-request issues 1638 and 1835, github/VisualStudio issue 453; read 2026-11.
        """
        repository, _, rest = path.removeprefix("/repos/").partition("/pulls")
        pulls, number = self.pulls(repository), rest.strip("/").partition("/")[0]
        if not number:
            label = f"{repository.partition('/')[0]}:{body['head']}"
            if any(pull["head"]["label"] == label and pull["state"] == "open" for pull in pulls):
                return 422, {"errors": [{"message": f"A pull request already exists for {label}."}]}
            pulls.insert(0, pull_row(repository, len(pulls) + 1, body["head"], **body))
            for kind in ("issues/{}/comments", "pulls/{}/comments", "pulls/{}/reviews"):
                self.lists[f"/repos/{repository}/{kind.format(len(pulls))}"] = []
            return 201, pulls[0]
        pull = next(one for one in pulls if str(one["number"]) == number)
        if not rest.endswith("/requested_reviewers"):
            pull |= body
            return 200, pull
        if pull["user"]["login"] in body["reviewers"]:
            return 422, {"message": "Review cannot be requested from pull request author."}
        if not {*body["reviewers"]} <= {"ann", "bob"}:
            return 422, {"message": "Reviews may only be requested from collaborators. One or more is not."}
        pull["requested_reviewers"] = [{"login": name} for name in body["reviewers"]]
        return 201, pull

    def _written(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if len(body["body"]) > 65_536:
            return 422, {"message": "Validation Failed"}
        if method == "POST" and path in self.lists:
            number = 1000 + sum(map(len, self.lists.values()))
            made = {"id": number, "user": BOT, "body": body["body"]}
            if path.endswith("/issues"):
                made |= {"number": number, "state": "open", "title": body["title"]}
            self.lists[path].append(made)
            return 201, made
        number = path.rpartition("/")[2]
        for comment in (c for rows in self.lists.values() for c in rows if str(c.get("id")) == number):
            comment |= body
            return 200, comment
        return 404, {"message": "Not Found"}


def _filtered(found: Any, query: Mapping[str, list[str]]) -> Any:
    """Filter by the branch as GitHub and GitLab do; to GitHub a head without its owner is no filter."""
    [head], [source] = query.get("head", [""]), query.get("source_branch", [""])
    if ":" in head:
        return [pull for pull in found if pull["head"]["label"] == head]
    return [one for one in found if one["source_branch"] == source] if source else found


def pull_row(repository: str, number: int, branch: str, **changes: Any) -> dict[str, Any]:
    """Return a pull request of a branch of the repository, as GitHub lists it."""
    label = f"{repository.partition('/')[0]}:{branch}"
    head = {"ref": branch, "sha": "a" * 40, "label": label, "repo": {"full_name": repository}}
    usual = {"number": number, "html_url": f"https://github.com/{repository}/pull/{number}", "state": "open"}
    return {**usual, "merged_at": None, "user": {"login": "eve"}, **changes, "head": head}


@contextmanager
def serve(code_host: FakeCodeHost) -> Iterator[FakeCodeHost]:
    """Serve on loopback for the time of a with block; `code_host.url` is the address."""

    class Handler(QuietHandler):
        def _any(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            token = self.headers.get("PRIVATE-TOKEN", token)
            code_host.asked.append((self.command, parts.path))
            query = parse_qs(parts.query)
            sent = json.loads(raw or b"null")
            status, data = code_host.answer(self.command, parts.path, token, sent, query)
            page, size = (
                int(query.get(name, [given])[0]) for name, given in (("page", "1"), ("per_page", "30"))
            )
            more = isinstance(data, list) and len(data) > page * size
            if isinstance(data, list):
                data = data[(page - 1) * size : page * size]
            body = json.dumps(data).encode()
            self.send_response(status)
            if status in (301, 302):
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            if more:
                self.send_header("Link", f'<{code_host.url}{parts.path}?page={page + 1}>; rel="next"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = _any

    with served(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as server:
        code_host.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield code_host
