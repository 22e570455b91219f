"""Only the guard holds a gateway's writer; everybody else says why and from what snapshot."""

from __future__ import annotations

import ast
from pathlib import Path

import controller

ROOT = Path(controller.__file__).parent


def awaited_writes(source: str) -> list[ast.Call]:
    return [
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Await)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "write"
    ]


BEHIND_THE_GUARD = {"guard.py", "scenario/wire.py"}
"""The guard itself, and a gateway that plays a faulty wire: it stands on the plant's side of the guard."""


def test_every_write_outside_the_guard_goes_through_it() -> None:
    seen = 0
    for file in ROOT.rglob("*.py"):
        if file.relative_to(ROOT).as_posix() in BEHIND_THE_GUARD:
            continue
        for call in awaited_writes(file.read_text(encoding="utf-8")):
            seen += 1
            keywords = {k.arg for k in call.keywords}
            # these two only the guard takes; a gateway's writer would refuse them
            assert {"snapshot", "purpose"} <= keywords, f"{file.name}, line {call.lineno}"
    assert seen >= 4, "the test no longer sees the writes it is about"
