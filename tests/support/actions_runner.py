"""Workflow files and an event in, jobs run on this machine out: every `run:` block as GitHub would run it.

Checkout clones a bare repository, artifacts are folders; expressions, `if:`, `needs:`, `env:`, composite
actions, GITHUB_OUTPUT and GITHUB_STEP_SUMMARY work as they do there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import yaml

PROJECT = Path(__file__).parents[2]
PACKAGES = next(Path(p) for p in sys.path if p.endswith("site-packages"))


def toolcache(folder: Path) -> Path:
    """Make a folder for PATH, with a `python3` whose new environments see the packages of the tests.

    pip then finds the locked versions installed already and fetches nothing; where the tests have another
    version, it fetches the locked one, as it would there. Everything else is real.
    """
    made = folder / "toolcache"
    python = made / "python3"
    if not python.exists():
        made.mkdir(parents=True, exist_ok=True)
        real = Path(sys.executable).resolve()
        python.write_text(
            f'#!/bin/bash\n"{real}" "$@" || exit\n'
            'if [[ " $* " == *" -m venv "* ]]; then\n'
            f'  for site in "${{@: -1}}"/lib/python3.*/site-packages; do\n'
            f'    echo "{PACKAGES}" >"$site/tests.pth"\n  done\nfi\n',
            encoding="utf-8",
        )
        python.chmod(0o755)
    return made


@dataclass
class Job:
    """How one job ended."""

    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    env: dict[str, str] = field(default_factory=dict)
    given: dict[str, str] = field(default_factory=dict)
    """What the steps that use the action gave it in the environment."""


@dataclass
class Event:
    """What made a workflow run."""

    name: str
    payload: Mapping[str, Any]
    sha: str
    ref: str


@dataclass
class ActionsRunner:
    """One repository's runs: its remote, its variables and secrets, the artifacts of its runs."""

    remote: Path
    folder: Path
    env: Mapping[str, str]
    token: str
    vars: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    gate: Callable[[str], bool | None] = lambda _environment: None
    """Called before a job of an environment begins, as its reviewers would be; False: they refuse."""
    ran: set[str] = field(default_factory=set)
    """Every `run:` block executed so far."""
    runs: int = 0

    def run(self, workflow: Path, event: Event) -> dict[str, Job]:
        """Run a workflow's jobs in the order of the file."""
        self.runs += 1
        jobs: dict[str, Job] = {}
        for name, written in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].items():
            matrix = written.get("strategy", {}).get("matrix", {"job": "${{ fromJSON('[1]') }}"})
            ((axis, values),) = matrix.items()
            made = [
                self._job(name, written, event, jobs, {axis: value})
                for value in evaluate(values[3:-2], {"vars": self.vars}, {})
            ]
            # Of a matrix, the job that failed stands for all.
            jobs[name] = next((job for job in made if job.result != "success"), made[-1])
            jobs[name].log = "".join(job.log for job in made)
        return jobs

    def _job(
        self,
        name: str,
        written: Mapping[str, Any],
        event: Event,
        jobs: Mapping[str, Job],
        matrix: Mapping[str, Any],
    ) -> Job:
        needs = written.get("needs", [])
        needed = {need: jobs[need] for need in ([needs] if isinstance(needs, str) else needs)}
        contexts = {
            "github": {**self._github(event), "job": name},
            "vars": self.vars,
            "secrets": self.secrets,
            "matrix": matrix,
            "needs": {need: {"outputs": job.outputs, "result": job.result} for need, job in needed.items()},
            "runner": {"temp": str(self.folder / "temp")},
        }
        status = {"success": all(job.result == "success" for job in needed.values()), "cancelled": False}
        if not holds(written.get("if", ""), contexts, status):
            return Job(result="skipped")
        if self.gate(written.get("environment", "")) is False:
            return Job(result="failure")
        workspace = Path(mkdtemp(prefix=f"workspace-{self.runs}-{name}-", dir=self.folder))
        job = Job(env=self._environ(event, workspace))
        run = _Steps(self, job, contexts, workspace, event)
        run.steps(written["steps"], {})
        job.outputs = {key: fill(value, run.contexts) for key, value in written.get("outputs", {}).items()}
        return job

    def _github(self, event: Event) -> dict[str, Any]:
        return {
            "event_name": event.name,
            "event": event.payload,
            "sha": event.sha,
            "ref": event.ref,
            "ref_name": event.ref.removeprefix("refs/heads/"),
            "token": self.token,
        }

    def _environ(self, event: Event, workspace: Path) -> dict[str, str]:
        temp = self.folder / "temp"
        temp.mkdir(exist_ok=True)
        (temp / "event.json").write_text(json.dumps(event.payload), encoding="utf-8")
        return {
            "PATH": f"{toolcache(temp)}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ann",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_REF": event.ref,
            "GITHUB_REPOSITORY": "shop/campaigns",
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_SHA": event.sha,
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temp),
            **self.env,
        }


@dataclass
class _Steps:
    """The steps of one job, or those of a composite action inside it."""

    runner: ActionsRunner
    job: Job
    contexts: dict[str, Any]
    workspace: Path
    event: Event

    def steps(self, steps: list[dict[str, Any]], env: Mapping[str, str]) -> None:
        done: dict[str, Any] = {}
        self.contexts = {**self.contexts, "steps": done}
        for step in steps:
            success = self.job.result == "success"
            status = {"success": success, "failure": not success, "cancelled": False, "always": True}
            if holds(step.get("if", ""), self.contexts, status):
                own = {key: fill(value, self.contexts) for key, value in step.get("env", {}).items()}
                given = {key: fill(value, self.contexts) for key, value in step.get("with", {}).items()}
                self.job.result = "success"
                outputs = self._step(step, {**env, **own}, given)
                done[step.get("id", "")] = {"outputs": outputs, "outcome": self.job.result}
                if not success:
                    self.job.result = "failure"

    def _step(self, step: dict[str, Any], env: dict[str, str], given: dict[str, str]) -> dict[str, str]:
        if "run" in step:
            return self._shell(step["run"], env)
        used = step["uses"].partition("@")[0]
        store = self.runner.folder / "artifacts" / str(self.runner.runs)
        if used == "./":
            self.job.given |= env
            return self._composite(env, given)
        if used == "actions/checkout":
            self._checkout()
        elif used == "actions/upload-artifact":
            shutil.copytree(given["path"], store / given["name"])
        elif used == "actions/download-artifact":
            shutil.copytree(store / given["name"], given["path"], dirs_exist_ok=True)
        else:
            raise AssertionError(f"unknown action {used}")
        return {}

    def _checkout(self) -> None:
        url = self.runner.remote.as_uri()
        for command in (
            ["git", "clone", "--quiet", url, "."],
            ["git", "fetch", "--quiet", "origin", "+refs/pull/*:refs/pull/*"],
            ["git", "checkout", "--quiet", self.event.sha],
        ):
            subprocess.run(command, cwd=self.workspace, check=True, capture_output=True)

    def _composite(self, env: dict[str, str], given: dict[str, str]) -> dict[str, str]:
        action = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))
        assert set(given) <= set(action["inputs"]), "an input that the action does not have"
        defaults = {name: str(value.get("default", "")) for name, value in action["inputs"].items()}
        # As there: an action sees no secrets and no results of the jobs before.
        seen = {key: self.contexts[key] for key in ("github", "runner")}
        inner = _Steps(
            self.runner, self.job, {**seen, "inputs": {**defaults, **given}}, self.workspace, self.event
        )
        inner.steps(action["runs"]["steps"], env)
        return {name: fill(value["value"], inner.contexts) for name, value in action["outputs"].items()}

    def _shell(self, script: str, env: Mapping[str, str]) -> dict[str, str]:
        assert "${{" not in script, "a value in a script would be run as code"
        self.runner.ran.add(script)
        temp = self.runner.folder / "temp"
        files = {"GITHUB_OUTPUT": temp / "output", "GITHUB_STEP_SUMMARY": temp / "summary"}
        for written in files.values():
            written.write_text("", encoding="utf-8")
        file = temp / "script.sh"  # a file, as there: `bash -c` would give its process to the last command
        file.write_text(script, encoding="utf-8")
        installed = (temp / "campaign" / "bin" / "campaign").exists()
        if "-m venv" in script and installed:
            return {}  # once is enough: GitHub's runner is empty each time, ours keeps it
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(file)],
            cwd=self.workspace,
            env={
                **self.job.env,
                **{name: str(file) for name, file in files.items()},
                "GITHUB_ACTION_PATH": str(PROJECT),
                **env,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.job.log += done.stdout + done.stderr
        self.job.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        if done.returncode:
            self.job.result = "failure"
            self.job.log += f"##[error]Process completed with exit code {done.returncode}.\n"
        lines = files["GITHUB_OUTPUT"].read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)


# --- expressions: as much of the language of GitHub Actions as the workflows use --------------

_TOKEN = re.compile(
    r"(?P<text>'(?:[^']|'')*')|(?P<op>&&|\|\||==|!=|!|\(|\))"
    r"|(?P<call>[a-z]+\(\))|(?P<json>fromJSON(?=\())|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<blank>\s+)"
)
_WORDS = {"&&": " and ", "||": " or ", "!": " not "}
_EMBEDDED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


def evaluate(expression: str, contexts: Mapping[str, Any], status: Mapping[str, bool]) -> Any:
    """Work out one expression.

    Args:
        expression: without `${{ }}`.
        contexts: `github`, `inputs`, `steps`… as nested mappings.
        status: what `success`, `cancelled`, `always` and `failure` answer.
    """
    python, position = "", 0
    while position < len(expression):
        found = _TOKEN.match(expression, position)
        assert found, f"not understood: {expression[position:]!r}"
        position = found.end()
        token = found.group()
        if found.lastgroup == "name":
            token = repr(_look_up(token, contexts))
        elif found.lastgroup == "call":
            token = repr(status[token[:-2]])
        elif found.lastgroup == "text":
            token = repr(token[1:-1].replace("''", "'"))
        python += _WORDS.get(token, token)
    return eval(python.strip(), {"__builtins__": {}, "fromJSON": json.loads})


def fill(text: Any, contexts: Mapping[str, Any]) -> str:
    """Replace each `${{ }}` of a value by what it stands for."""
    return _EMBEDDED.sub(lambda found: _shown(evaluate(found.group(1), contexts, {})), _shown(text))


def holds(condition: Any, contexts: Mapping[str, Any], status: Mapping[str, bool]) -> bool:
    """Decide an `if:`; one that asks for no status means success as well."""
    text = _shown(condition).strip()
    bare = text[3:-2] if text.startswith("${{") and text.endswith("}}") else text
    asks = re.search(r"(success|failure|cancelled|always)\(\)", bare)
    value = bool(evaluate(bare, contexts, status)) if bare else True
    return value and (bool(asks) or status["success"])


def _look_up(name: str, contexts: Mapping[str, Any]) -> Any:
    if name in ("true", "false"):
        return name == "true"
    value: Any = contexts
    for part in name.split("."):
        # What is missing is null, and null is shown as nothing.
        value = value.get(part, "") if isinstance(value, Mapping) else ""
    return value


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
