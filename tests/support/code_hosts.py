"""GitHub and GitLab on loopback: the few endpoints the runner uses, in the shapes of their documentation."""

import json
import re
from collections.abc import Iterator
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
    asked: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""

    def comments(self, repository: str, number: int) -> list[dict[str, Any]]:
        """List the comments of a pull request, oldest first."""
        return self.lists.setdefault(f"/repos/{repository}/issues/{number}/comments", [])

    def issues(self, repository: str) -> list[dict[str, Any]]:
        """List the issues of a repository, open or closed."""
        return self.lists.setdefault(f"/repos/{repository}/issues", [])

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """Answer one request."""
        if self.failures:
            return self.failures.pop(0), {"message": "ordered"}
        if token not in (self.writing_token, self.reading_token):
            return 401, {"message": "Bad credentials"}
        if method == "GET":
            found = self.lists.get(path, self.objects.get(path))
            if found is None and COMMIT_PULLS.fullmatch(path):
                found = []  # a commit that came by no request
            if found is not None and path.endswith("/issues"):
                found = [issue for issue in found if issue["state"] == "open"]
            return (404, {"message": "Not Found"}) if found is None else (200, found)
        if token != self.writing_token:
            return 403, {"message": "Resource not accessible by integration"}
        return self._written(method, path, body)

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
            status, data = code_host.answer(self.command, parts.path, token, json.loads(raw or b"null"))
            query = parse_qs(parts.query)
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
