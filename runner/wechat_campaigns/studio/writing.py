"""Answer what the page writes: each route takes one step of a piece of work, and says what became of it."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import BadRequest, NotFound, RequestEntityTooLarge

from wechat_campaigns.core.errors import CampaignError, InvalidError
from wechat_campaigns.core.sniff import CONTENT_TYPES, sniff
from wechat_campaigns.studio.bench import Bench, ChangedBeneathError

MAX_JSON_BYTES: Final = 1_000_000
MAX_PAGE_BYTES: Final = 20_000_000
MAX_FILE_BYTES: Final = 20_000_000
SHOWN: Final = frozenset({"jpeg", "png", "gif", "webp", "bmp"})
"""Pictures that a browser shows; nothing else of a piece of work is served as it is."""

REVIEW: Final = ("work", "sentence")
PAGE: Final = ("work", "id", "path", "html")
Data = Mapping[str, Any]


def add_writing(app: Flask, bench: Bench, file_policy: str, look: Callable[[], Data]) -> None:
    """Add the routes that read and write pieces of work.

    Args:
        file_policy: the content security policy of a picture that is served alone.
        look: fetches what others did.
    """

    def reads(path: str, read: Callable[[Data], Data]) -> None:
        app.add_url_rule(path, path, lambda: _answer(lambda: read(request.args)))

    def writes(path: str, write: Callable[[Data], Data], most: int = MAX_JSON_BYTES) -> None:
        app.add_url_rule(path, path, lambda: _answer(lambda: write(_json(most))), methods=["POST"])

    reads("/data/works", lambda _values: bench.overview())
    reads("/data/work", lambda values: bench.work(_word(values, "work")))
    reads("/data/form", lambda values: bench.form(_word(values, "work"), _word(values, "id")))
    reads("/data/text", lambda values: bench.text(*_words(values, "work", "id", "path")))
    reads("/data/relative", lambda values: bench.relative(*_words(values, "path", "of")))
    reads("/data/request", lambda values: bench.request_state(_word(values, "work")))
    writes("/begin", lambda values: bench.begin(values), MAX_PAGE_BYTES)
    writes(
        "/save", lambda values: bench.save(*_words(values, "work", "id", "seen"), changes=_changes(values))
    )
    writes("/text", lambda values: bench.save_text(*_words(values, "work", "id", "path", "text", "seen")))
    writes("/import", lambda values: bench.import_page(*_words(values, *PAGE)), MAX_PAGE_BYTES)
    writes("/person", lambda values: bench.set_person(*_words(values, "work", "name", "email")))
    writes("/review", lambda values: bench.review(*_words(values, *REVIEW), again=bool(values.get("again"))))
    writes("/update", lambda values: bench.update(_word(values, "work")))
    writes("/resolve", lambda values: bench.resolve(*_words(values, "work", "path"), which=_side(values)))
    writes("/hold", lambda values: bench.hold(*_words(values, "account", "reason")))
    writes("/look", lambda _values: look())
    writes("/discard", lambda values: bench.discard(_word(values, "work")))

    @app.post("/upload")
    def _upload() -> tuple[Response, int]:
        data = _body(MAX_FILE_BYTES)
        return _answer(lambda: bench.upload(*_words(request.args, "work", "id", "name"), data=data))

    @app.get("/file")
    def _file() -> Response:
        data = bench.file(*_words(request.args, "work", "id", "path"), of=request.args.get("of", ""))
        kind = sniff(data) if data is not None else ""
        if data is None or kind not in SHOWN:
            raise NotFound
        answer = Response(data, mimetype=CONTENT_TYPES[kind])
        answer.headers["Content-Security-Policy"] = file_policy
        return answer


def _answer(act: Callable[[], Data]) -> tuple[Response, int]:
    """Do one step; a fault of it is an answer with what happened, and the way out."""
    try:
        return jsonify(act()), HTTPStatus.OK
    except ChangedBeneathError as error:
        return _fault(error), HTTPStatus.CONFLICT
    except CampaignError as error:
        return _fault(error), HTTPStatus.UNPROCESSABLE_ENTITY


def _fault(error: CampaignError) -> Response:
    first = error.problems[0] if isinstance(error, InvalidError) and error.problems else error
    return jsonify({"error": first.message, "hint": first.hint})


def _body(most: int) -> bytes:
    if request.content_length is None or request.content_length > most:
        raise RequestEntityTooLarge
    return request.get_data()


def _json(most: int) -> Data:
    _body(most)
    values = request.get_json(silent=True)
    if not isinstance(values, dict):
        raise BadRequest
    return values


def _word(values: Data, name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str):
        raise BadRequest
    return value


def _side(values: Data) -> Literal["mine", "theirs"]:
    which = values.get("which")
    if which not in ("mine", "theirs"):
        raise BadRequest
    return "mine" if which == "mine" else "theirs"


def _words(values: Data, *names: str) -> list[str]:
    return [_word(values, name) for name in names]


def _changes(values: Data) -> list[tuple[tuple[str | int, ...], Any]]:
    """Read changes of fields: `{path: [...], value}` each."""
    found = values.get("changes")
    if not isinstance(found, list):
        raise BadRequest
    changes = []
    for one in found:
        path = one.get("path") if isinstance(one, dict) else None
        if not isinstance(path, list) or not all(isinstance(part, str | int) for part in path) or not path:
            raise BadRequest
        changes.append((tuple(path), one.get("value")))
    return changes
