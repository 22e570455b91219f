"""The tutorial works as it is written: its files are written, its commands run, its outputs appear."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.cli.main import app
from plant.errors import ConfigError

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
_FENCE = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass
class Step:
    """A command, the lines it should print in this order, and its exit code."""

    command: str
    printed: list[str]
    code: int = 0


def steps(block: str) -> list[Step]:
    found: list[Step] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], []))
        elif match := re.fullmatch(r"\[exit (\d+)\]", line):
            found[-1].code = int(match.group(1))
        else:
            found[-1].printed.append(line)
    return found


def run(command: str) -> tuple[int, str]:
    """One command as a shell would: `coolwright` in this process, which saves its imports."""
    command, _, file = command.partition(" > ")
    program, *arguments = shlex.split(command)
    if program == "python":
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    assert program == "coolwright"
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, ConfigError):  # what controller.cli.main.main makes of it
        return 2, f"coolwright: {result.exception}\n"
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    if file:
        Path(file).write_text(result.stdout, encoding="utf-8")
        return result.exit_code, ""
    return result.exit_code, result.output


def appears(wanted: list[str], printed: str) -> str | None:
    """The first wanted line that does not follow in what was printed; None if all do."""
    lines = iter(printed.splitlines())
    for want in wanted:
        pattern = ".*".join(re.escape(part) for part in want.split("..."))
        if not any(re.fullmatch(pattern, line.rstrip()) for line in lines):
            return want
    return None


def test_what_does_not_appear_is_found_missing() -> None:
    assert appears(["a...c", "d"], "x\nabc\nd\n") is None
    assert appears(["d", "a...c"], "x\nabc\nd\n") == "a...c"
    assert steps("$ one\nx\n[exit 2]\n$ two") == [Step("one", ["x"], 2), Step("two", [])]


def test_every_command_of_the_tutorial_does_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    ran = 0
    for kind, name, text in _FENCE.findall(TUTORIAL.read_text(encoding="utf-8")):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        for step in steps(text) if kind == "console" else []:
            code, printed = run(step.command)
            assert code == step.code, f"$ {step.command}\n{printed}"
            missing = appears(step.printed, printed)
            assert missing is None, f"$ {step.command}\nlacks: {missing}\nin:\n{printed}"
            ran += 1
    assert ran >= 15
