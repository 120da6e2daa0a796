"""The studio's editor is built from locked packages: what is shipped says which, with their licences."""

import json
import re
from importlib import resources

from tests.support.source import ROOT

SOURCE = ROOT / "runner" / "editor"
STATIC = resources.files("wechat_campaigns.studio") / "static"
LARGEST = 600_000
LOCKED = {
    path.rpartition("node_modules/")[2]: about
    for path, about in json.loads((SOURCE / "package-lock.json").read_text("utf-8"))["packages"].items()
    if path
}


def test_every_package_is_locked_by_its_hash_and_asked_for_by_its_version() -> None:
    wanted = json.loads((SOURCE / "package.json").read_text("utf-8"))
    versions = wanted["dependencies"] | wanted["devDependencies"]
    assert {name: LOCKED[name]["version"] for name in versions} == versions
    assert [name for name, about in LOCKED.items() if not about["integrity"].startswith("sha512-")] == []


def test_licences_name_the_locked_versions() -> None:
    text = (STATIC / "editor.LICENSES.txt").read_text("utf-8")
    named = dict(re.findall(r"^(\S+) (\d\S+) \(MIT\)$", text, re.MULTILINE))
    assert {"@codemirror/state", "@codemirror/view", "@lezer/markdown", "style-mod"} <= named.keys()
    assert named == {name: LOCKED[name]["version"] for name in named}
    assert text.count("Copyright") >= len(named)


def test_bundle_is_small_and_asks_for_nothing_else() -> None:
    script = (STATIC / "editor.js").read_text("utf-8")
    assert sum(len((STATIC / name).read_bytes()) for name in ("editor.js", "editor.css")) < LARGEST
    assert script.startswith("// Built by `make editor` from runner/editor")
    assert [one for one in ("innerHTML", "new Function", "eval(", "https://cdn") if one in script] == []
