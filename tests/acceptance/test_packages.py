"""The wheel and the sdist work where nothing else is installed, each extra alone."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from functools import cache
from pathlib import Path

import pytest

from tests.support import optional_parts
from tests.support.playground import PICTURES
from tests.tools.make_lock import SBOM
from wechat_campaigns import __version__
from wechat_campaigns.core.errors import EXTRAS

pytestmark = [
    pytest.mark.deep,
    pytest.mark.optional_part,
    pytest.mark.xdist_group("packages"),
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).parents[2]
ARTICLE = """\
filter: {tag: 会员}
msgtype: mpnews
content: {articles: [{title: 秋, body: news.md, cover: {file: cover.png}}]}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sdist and wheel; the wheel is built from the sdist, as installers do."""
    folder = tmp_path_factory.mktemp("dist")
    build(ROOT, folder, "sdist")
    with tarfile.open(next(folder.glob("*.tar.gz"))) as packed:
        packed.extractall(folder, filter="data")
    build(next(path for path in folder.iterdir() if path.is_dir()), folder, "wheel")
    return folder


def build(source: Path, target: Path, kind: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)


@pytest.fixture(scope="module")
def install(built: Path, tmp_path_factory: pytest.TempPathFactory):
    """Makes an environment with the wheel and one extra, above one with the wheel alone; its interpreter."""
    wheel = next(built.glob("*.whl"))

    @cache
    def made(extra: str) -> Path:
        venv = tmp_path_factory.mktemp(f"venv-{extra or 'bare'}")
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
        if extra:
            [below], [site] = (one.glob("lib/*/site-packages") for one in (made("").parents[1], venv))
            (site / "below.pth").write_text(f"{below}\n", encoding="utf-8")
        python = venv / "bin" / "python"
        done = pip_install(python, f"{wheel}[{extra}]" if extra else str(wheel))
        if done.returncode and not optional_parts.REQUIRED:
            pytest.skip(f"the package index cannot be reached: {done.stderr[-200:]}")
        assert done.returncode == 0, done.stderr
        return python

    return made


def pip_install(python: Path, wanted: str) -> subprocess.CompletedProcess[str]:
    """Install by the pip of these tests, and compile only what is then imported: both take seconds less."""
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-compile"]
    options = ["-q", "--disable-pip-version-check"]
    return subprocess.run([*command, *options, wanted], capture_output=True, text=True, check=False)


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{python.parent}:/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [str(python), "-m", "wechat_campaigns", *words], cwd=folder, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_the_wheel_holds_what_it_needs(built: Path) -> None:
    names = zipfile.ZipFile(next(built.glob("*.whl"))).namelist()
    needed = (
        "_schema/campaign.schema.json", "py.typed", "source/starter/github.yml", "source/starter/gitlab.yml",
        "translations/zh/LC_MESSAGES/campaign.mo",
    )  # fmt: skip
    assert {f"wechat_campaigns/{name}" for name in needed} <= set(names)
    of_sandbox = ("py.typed", "schema.sql", "static/main.js", "templates/inbox.html")
    assert {f"wechat_sandbox/{name}" for name in of_sandbox} <= set(names)
    assert {"wechat_article/py.typed", "wechat_article/themes/default.css"} <= set(names)
    assert not [name for name in names if name.endswith(".po") or "hatch_build" in name]
    assert all(name.startswith(("wechat_article/", "wechat_campaigns", "wechat_sandbox/")) for name in names)
    about = f"wechat_campaigns-{__version__}.dist-info"
    assert f"{about}/licenses/LICENSE" in names
    assert [name for name in names if "/sboms/" in name] == [f"{about}/sboms/{SBOM.name}"]
    assert zipfile.ZipFile(next(built.glob("*.whl"))).read(f"{about}/sboms/{SBOM.name}") == SBOM.read_bytes()
    programs = zipfile.ZipFile(next(built.glob("*.whl"))).read(f"{about}/entry_points.txt").decode()
    assert dict(re.findall(r"^(\S+) = wechat_campaigns\.(\S+):main", programs, re.M)) == {"campaign": "cli"}


@pytest.mark.parametrize(("kind", "suffix"), [("wheel", ".whl"), ("sdist", ".tar.gz")])
def test_a_release_can_be_built_again_to_the_byte(
    built: Path, tmp_path: Path, kind: str, suffix: str
) -> None:
    copy = tmp_path / "elsewhere" / "source"
    [source] = [path for path in built.iterdir() if path.is_dir()]
    shutil.copytree(source, copy)
    for file in copy.rglob("*"):
        os.utime(file, (86_400 * 400, 86_400 * 400))
    command = ["-m", "hatchling", "build", "-t", kind, "-d", str(tmp_path)]
    subprocess.run(
        ["bash", "-c", 'umask 077; exec "$@"', "bash", sys.executable, *command],
        cwd=copy,
        env={**os.environ, "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
    )
    [first], [second] = built.glob(f"*{suffix}"), tmp_path.glob(f"*{suffix}")
    assert first.read_bytes() == second.read_bytes()


def test_a_release_names_its_repository(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = metadata_of(next(built.glob("*.whl")))
    assert metadata.get_all("Project-URL") is None
    assert "Operating System :: POSIX :: Linux" in metadata.get_all("Classifier", [])
    monkeypatch.setenv("CAMPAIGN_SOURCE_URL", "https://github.example/shop/campaigns")
    monkeypatch.setenv("CAMPAIGN_SOURCE_REF", "v1.2.3")
    build(next(path for path in built.iterdir() if path.is_dir()), tmp_path, "wheel")
    metadata = metadata_of(next(tmp_path.glob("*.whl")))
    assert "Source, https://github.example/shop/campaigns" in metadata.get_all("Project-URL", [])
    readme = str(metadata.get_payload())
    assert "](https://github.example/shop/campaigns/raw/v1.2.3/docs/images/" in readme
    assert not re.findall(r"\]\((?!https://|#)[^)]*\)", readme)


def metadata_of(wheel: Path) -> Message:
    """Read what an index would show of a wheel."""
    with zipfile.ZipFile(wheel) as packed:
        [name] = [name for name in packed.namelist() if name.endswith(".dist-info/METADATA")]
        return message_from_string(packed.read(name).decode())


def copied() -> set[str]:
    """What the image is made of: the sources of the COPY lines, but for those of an earlier stage."""
    lines = (ROOT / ".github" / "container" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copies = [line.split() for line in lines if line.startswith("COPY ") and "--from" not in line]
    return {source for _copy, *sources, _target in copies for source in sources}


def test_the_container_is_given_all_that_the_wheel_is_made_of(built: Path, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for source in copied():
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
        (checkout / source).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / source, checkout / source)
    build(checkout, tmp_path, "wheel")
    assert contents(next(tmp_path.glob("*.whl"))) == contents(next(built.glob("*.whl")))


def test_the_builder_is_sent_what_the_image_is_made_of() -> None:
    """And no secret, state or history that a checkout may hold beside it."""
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == copied()


def contents(wheel: Path) -> set[str]:
    return {name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" not in name}


def test_wheel_without_extras_validates_and_plans_a_text(install, tmp_path: Path) -> None:
    python = install("")
    done = run(python, tmp_path, "--lang", "zh", "validate")
    assert (done.returncode, done.stderr[:3]) == (64, "错误：")
    for words in (["init", "--ci", "gitlab"], ["validate"], ["plan", "--offline"]):
        done = run(python, tmp_path, *words)
        assert done.returncode == 0, done.stderr
    for words in (["apply", "--auto-approve"], ["sandbox", "--port", "0"]):
        done = run(python, tmp_path, *words)
        assert (done.returncode, "pip install './CHECKOUT[sandbox]'" in done.stderr) == (3, True), done.stderr
        assert "Traceback" not in done.stderr
    assert "pip install './CHECKOUT[callback]'" in run(python, tmp_path, "listen").stderr
    assert "extras: none" in run(python, tmp_path, "--version").stdout
    (tmp_path / "campaigns" / "news.yaml").write_text(ARTICLE, encoding="utf-8")
    (tmp_path / "campaigns" / "news.md").write_text("秋天", encoding="utf-8")
    done = run(python, tmp_path, "validate")
    assert done.returncode == 3
    assert "pip install './CHECKOUT[articles]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_works_alone(install, tmp_path: Path, extra: str) -> None:
    python = install(extra)
    # What callback needs is more than what approvals need.
    installed = "callback, approvals" if extra == "callback" else extra
    assert f"extras: {installed}\n" in run(python, tmp_path, "--version").stdout
    if extra == "sandbox":
        for words in (["init", "--ci", "none"], ["apply", "--auto-approve"], ["status", "--wait"]):
            done = run(python, tmp_path, *words)
            assert done.returncode == 0, done.stderr
    if extra == "articles":
        run(python, tmp_path, "init")
        campaigns = tmp_path / "campaigns"
        (campaigns / "news.yaml").write_text(ARTICLE, encoding="utf-8")
        (campaigns / "news.md").write_text("**秋天**", encoding="utf-8")
        (campaigns / "cover.png").write_bytes((PICTURES / "cup.png").read_bytes())
        done = run(python, tmp_path, "plan", "--offline")
        assert done.returncode == 0, done.stdout + done.stderr


NAMES = ("runner", "core", "plan", "report", "send", "source", "render", "ledger", "cli", "api", "workspace")
THEIRS = """\
import subprocess, sys
import {names}
def test_their_modules_are_theirs():
    assert all(m.OURS for m in ({names},))
def test_an_unused_plugin_brings_nothing():
    heavy = {{"flask", "requests", "yaml", "sqlite3", "jinja2"}} & sys.modules.keys()
    assert not heavy, heavy
def test_a_used_one_serves(wechat_sandbox):
    assert wechat_sandbox.url.startswith("http://127.0.0.1")
"""


def test_wheel_shadows_no_module_of_another_project(install, tmp_path: Path) -> None:
    python = install("sandbox")
    assert pip_install(python, "pytest>=8.3").returncode == 0
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("OURS = True\n", encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(THEIRS.format(names=", ".join(NAMES)), encoding="utf-8")
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
