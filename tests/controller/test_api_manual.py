"""docs/api.md lists every route with who may use it, and every problem a route may answer with.

Run this file as a program to print the table anew.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from api_kit import Desk, api_room

from controller.api.problems import MEDIA_TYPE, Code
from controller.auth import Role

MANUAL = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `([A-Z]+) (\S+)` \| (\S+) \|", re.MULTILINE)


@pytest.fixture(scope="module")
def d() -> Desk:
    return api_room()


def operations(d: Desk) -> list[tuple[str, str, dict[str, Any]]]:
    paths = json.loads(json.dumps(d.app.openapi()))["paths"]
    return [(m.upper(), path, op) for path, found in paths.items() for m, op in found.items()]


async def least_role(d: Desk, method: str, path: str) -> str:
    """The first role that is not forbidden: who may is decided before anything else is looked at."""
    bare = re.sub(r"\{\w+\}", "x", path)
    if path.endswith("/events"):
        return "viewer"  # it would not end; its own tests ask
    async with d.client("") as nobody:
        if (await nobody.request(method, bare)).status_code != 401:
            return "–"
    for role in Role:
        async with d.client(role) as c:
            if (await c.request(method, bare)).status_code != 403:
                return str(role)
    raise AssertionError(f"nobody may {method} {path}")


async def table(d: Desk) -> list[tuple[str, str, str, str]]:
    return [
        (m, path, await least_role(d, m, path), op["description"].split("\n")[0])
        for m, path, op in operations(d)
    ]


async def test_the_manual_lists_every_route_with_who_may_use_it(d: Desk) -> None:
    assert sorted(ROW.findall(MANUAL)) == sorted(row[:3] for row in await table(d))


def test_the_manual_lists_every_problem_with_the_statuses_it_comes_with(d: Desk) -> None:
    told = {code: int(status) for status, code in re.findall(r"^\| (\d{3}) \| `(\w+)` \|", MANUAL, re.M)}
    assert set(told) == {str(code) for code in Code}
    documented = {int(s) for _, _, op in operations(d) for s in op["responses"] if s[0] in "45"}
    # 405 is the answer to a method no route has; 400 is the framework's for what is not JSON at all.
    assert documented - {400} <= set(told.values()) | {503}
    assert set(told.values()) - {405} <= documented


def test_every_refusal_a_route_documents_is_a_problem(d: Desk) -> None:
    for method, path, op in operations(d):
        for status, answer in op["responses"].items():
            if status[0] in "45" and path != "/readyz":
                assert list(answer["content"]) == [MEDIA_TYPE], (method, path, status)


if __name__ == "__main__":
    import sys

    for m, path, role, what in asyncio.run(table(api_room())):
        sys.stdout.write(f"| `{m} {path}` | {role} | {what} |\n")
