"""Installs the tools we measure against, and writes for each the same work in its own form."""

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

FOLDER = Path("build/bench").resolve()
VENV = FOLDER / "venv/bin"
PACKAGES = ("check-jsonschema==0.39.0", "ansible-core==2.19.14", "octodns==1.22.0")
SCHEMA = Path("schema/campaign.schema.json").resolve()


def install() -> None:
    """Put the tools into a venv of their own, once."""
    installed = VENV.parent / "installed"
    if not installed.exists() or installed.read_text(encoding="utf-8").split() != list(PACKAGES):
        subprocess.run([sys.executable, "-m", "venv", str(VENV.parent)], check=True)
        subprocess.run([str(VENV / "pip"), "install", "--quiet", *PACKAGES], check=True)
        installed.write_text("\n".join(PACKAGES), encoding="utf-8")


def versions() -> dict[str, str]:
    """Return what was measured, ours included."""
    code = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"
    names = [package.partition("==")[0] for package in PACKAGES]
    told = subprocess.run(
        [str(VENV / "python"), "-c", code, *names], capture_output=True, text=True, check=True
    )
    ours = {name: metadata.version(name) for name in ("wechat-campaigns", "jsonschema-rs", "pyyaml")}
    return {**ours, **dict(zip(names, told.stdout.split(), strict=True))}


def check_jsonschema(files: Sequence[Path]) -> list[str]:
    """Check files against the campaign schema."""
    return [str(VENV / "check-jsonschema"), "--schemafile", str(SCHEMA), *map(str, files)]


def octodns(folder: Path, count: int, *, known: bool) -> list[str]:
    """Plan as many records as we plan sends, all new or all as they are."""
    records = "".join(f"r{n:06d}:\n  type: TXT\n  value: 'No {n} of the spring sale'\n" for n in range(count))
    for name, text in (("zones", records), ("out", records if known else "{}\n")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / "example.com.yaml").write_text(text, encoding="utf-8")
    providers = {
        name: {"class": "octodns.provider.yaml.YamlProvider", "directory": str(folder / at),
               "default_ttl": 300, "enforce_order": False}
        for name, at in (("config", "zones"), ("target", "out"))
    }  # fmt: skip
    config = folder / "octodns.json"
    zones = {"example.com.": {"sources": ["config"], "targets": ["target"]}}
    config.write_text(json.dumps({"providers": providers, "zones": zones}), encoding="utf-8")
    return [str(VENV / "octodns-sync"), "--config-file", str(config), "--force"]


def ansible(
    folder: Path, count: int, url: str, *, check: bool, appid: str = "wx0000000000000001"
) -> list[str]:
    """Make, or check, as many sends as uri tasks one after the other, the token fetched first."""
    login = {"grant_type": "client_credential", "appid": appid, "secret": "0" * 32}
    token = {
        "name": "token",
        "ansible.builtin.uri": {"url": f"{url}/cgi-bin/stable_token", "method": "POST", "body_format": "json",
                                "body": login, "return_content": True},
        "register": "login",
    }  # fmt: skip
    sends = [
        {
            "name": f"send {number}",
            "ansible.builtin.uri": {
                "url": f"{url}/cgi-bin/message/mass/sendall?access_token="
                "{{ (login.json | default({})).access_token | default('') }}",
                "method": "POST",
                "body_format": "json",
                "body": {
                    "filter": {"is_to_all": False, "tag_id": 100},
                    "msgtype": "text",
                    "text": {"content": f"会员日 {number}"},
                    "clientmsgid": f"{number:032d}",
                },
            },
        }
        for number in range(count)
    ]
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [token, *sends]}]
    folder.mkdir(parents=True, exist_ok=True)
    book = folder / "book.yml"
    book.write_text(json.dumps(play, ensure_ascii=False), encoding="utf-8")
    return [str(VENV / "ansible-playbook"), "-i", "localhost,", str(book), *(["--check"] if check else [])]
