"""What every test gets: no network but loopback, a clean environment, nobody's home, a sandbox to send to."""

import atexit
import gc
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import settings
from xdist.scheduler import LoadGroupScheduling

from tests.support import fork_server, forked, optional_parts
from tests.support.playground import Playground, Sandbox, make_playground
from tests.support.postgres_server import Server, postgres_server
from wechat_campaigns.cli.help_pages import choose
from wechat_campaigns.cli.registry import AGENTS
from wechat_campaigns.core import fence
from wechat_campaigns.core.i18n import CATALOGS, DOMAIN
from wechat_campaigns.translations.hatch_build import compile_catalog
from wechat_sandbox.server import embedded

# For a format that no schema here has, `jsonschema` would compile a grammar for two seconds, in every worker.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]
# Also for what is run before a test has its environment: fixtures of a module.
for _name in ("LANG", "LANGUAGE", *(name for name in os.environ if name.startswith("LC_"))):
    os.environ.pop(_name, None)
os.environ["LC_ALL"] = "C.UTF-8"
# What tests write is in memory where there is room: none of it is to last, and a disk takes its time.
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 * 2**30
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK):
    _found = os.statvfs(MEMORY)
    if _found.f_bavail * _found.f_frsize > ROOM_BYTES and not _found.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"], tempfile.tempdir = str(MEMORY), None
# Nobody's real state is read or written, by whatever a test starts either.
STATE = os.environ["CAMPAIGN_STATE_DIR"] = tempfile.mkdtemp(prefix="campaign-state-")
atexit.register(shutil.rmtree, STATE, ignore_errors=True)
# A shell starts what it runs in the background deaf to Ctrl-C, and what a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Wherever a test starts the command, it is a process of its own, without the imports: most of its time.
if os.environ.get("CAMPAIGN_TEST_START") != "new" and sys.platform == "linux":
    subprocess.Popen = forked.Popen  # type: ignore[misc]
fork_server.hurry()
if forked.CLOCK:
    # In a copy of a process with threads, such as this one, a lock of libfaketime may be taken for ever: what
    # reads files stays in this process. What a test starts forks as ever.
    fence._is_child, fence._most_cpu_s = True, resource.RLIM_INFINITY

settings.register_profile("suite", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("suite")

LOOPBACK = ("127.0.0.1", "::1", "localhost", "0.0.0.0")
CLEANED = (
    "CI",
    "LANG",
    "LANGUAGE",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "PYTHONWARNINGS",
    "PYTHONUNBUFFERED",
    *AGENTS,
)
CLEANED_PREFIXES = ("LC_", "GITHUB_", "GITLAB_", "JENKINS_", "CI_", "WECHAT_", "XDG_", "GIT_")
PROXIES = (
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "requests_ca_bundle",
    "curl_ca_bundle",
    "ssl_cert_file",
)
LONGEST_NAME = 80
READS_SOURCE = re.compile(r"tests/(docs/test_glossary|unit/test_\w+)\.py")
"""Tests of the source itself: one worker parses it for all of them."""
DEEP = re.compile(r"^pytestmark = (\[[^]]*|.*)pytest\.mark\.deep\b", re.MULTILINE)


class NetworkForbiddenError(RuntimeError):
    """A test tried to reach another machine."""


def _guarded(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in LOOPBACK:
            raise NetworkForbiddenError(f"tests may not reach {address[0]}")
        return original(self, address)

    return connect


def pytest_configure(config: pytest.Config) -> None:
    """Compile a catalog that was edited since; once, before workers begin."""
    if not hasattr(config, "workerinput"):
        for source in CATALOGS.glob(f"*/LC_MESSAGES/{DOMAIN}.po"):
            compiled = source.with_suffix(".mo")
            if not compiled.exists() or compiled.stat().st_mtime < source.stat().st_mtime:
                compile_catalog(source)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Read no file that is deep as a whole when the deep tests are left out."""
    if collection_path.suffix != ".py" or "not deep" not in config.option.markexpr:
        return None
    return DEEP.search(collection_path.read_text(encoding="utf-8")) is not None or None


class _ByFile(LoadGroupScheduling):  # type: ignore[misc]
    """Gives a worker a file, or a group, at a time: what its tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        file = scope.partition("::")[0]
        return "source" if READS_SOURCE.match(file) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFile | None:
    return _ByFile(config, log) if config.option.dist == "loadgroup" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Leave deep tests out of coverage: they repeat, on much more data, lines that others run."""
    stopped: list[Coverage] = []
    if item.get_closest_marker("deep"):
        # A worker begins with two: its own, and one like its master's, which nothing reads: that stays off.
        while (coverage := Coverage.current()) is not None:
            coverage.stop()
            stopped.append(coverage)
    try:
        return (yield)
    finally:
        for coverage in stopped[:1]:
            coverage.start()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes of a file by their argument: a workbook that each worker makes would name another test."""
    return argname if isinstance(val, bytes) and len(val) > LONGEST_NAME else None


def pytest_collection_finish() -> None:
    """Keep ten thousand tests out of every later collection of garbage, and shared with what a test forks."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _nothing_is_left(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Remove what tests that passed wrote: pytest keeps it, and removes it at the end of a later run."""
    yield
    if browsers := sys.modules.get("tests.support.browser"):
        browsers.close_browsers()
    shutil.rmtree(STATE, ignore_errors=True)  # a worker of xdist ends without what is to be done at exit
    if not request.session.testsfailed:
        shutil.rmtree(tmp_path_factory.getbasetemp(), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
        yield


@pytest.fixture(scope="session")
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def _clean_environment(_nobodys_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        known = name in CLEANED or name.startswith(CLEANED_PREFIXES) or name.lower() in PROXIES
        if known and not name.startswith("PYTEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("HOME", str(_nobodys_home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """Messages are compared in English, whatever a test before this has chosen."""
    yield
    choose("en")
    os.environ.pop("LANGUAGE", None)


@pytest.fixture(scope="session")
def _running_sandbox() -> Iterator[Sandbox]:
    with embedded() as url:
        yield Sandbox(url)


@pytest.fixture
def sandbox(_running_sandbox: Sandbox) -> Sandbox:
    """A sandbox on loopback, as new; one server a session."""
    _running_sandbox.control("POST", "reset")
    return _running_sandbox


@pytest.fixture
def playground(sandbox: Sandbox, tmp_path: Path) -> Iterator[Playground]:
    """A campaigns folder, a SQLite ledger and a clock beside the sandbox; `apply()` runs the real code."""
    with make_playground(sandbox, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server; where none can run, the tests that need it say so."""
    try:
        running = postgres_server()
        started = running.__enter__()
    except Exception as error:
        if optional_parts.REQUIRED:
            raise
        pytest.skip(f"PostgreSQL cannot start here: {error}")
    yield started
    running.__exit__(None, None, None)
