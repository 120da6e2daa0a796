"""Paths of a forge's REST API in, JSON out: GitHub's and GitLab's, few calls, bounded in time and number."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.util import Retry

from wechat_campaigns.core.errors import CodeHostError
from wechat_campaigns.core.i18n import _
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
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeHost:
    """A forge's API with the credentials of one run; they go nowhere else, not even after a redirect."""

    api_url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

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
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise CodeHostError(
                _("the token is sent over https only"), hint=_("change the address to https"), location=path
            )
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
                hint=_("run it again"),
                location=path,
            ) from error
        if not 200 <= answer.status_code < 300:
            raise _status_error(answer.status_code, path)
        return answer


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


def _status_error(status: int, path: str) -> CodeHostError:
    again = status >= 500 or status == 429
    return CodeHostError(
        _("the code host returned status {status}").format(status=status),
        hint=_("run it again") if again else _("check the token and its permissions"),
        location=path,
    )
