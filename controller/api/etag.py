"""ETag and If-Match: a change that was decided on an old picture is answered with 412.

`If-Match` is optional everywhere; who sends it is protected from having looked at something that
somebody else has changed meanwhile. The tag is a digest of what the answer shows.
"""

from __future__ import annotations

import re
from typing import Annotated, TypeVar

from fastapi import Header, Response

from controller.api.out import Out
from controller.api.problems import Code, Problem
from controller.canonical import digest

_T = TypeVar("_T", bound=Out)
IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        max_length=400,
        description="The ETag of what you looked at; 412 if that is no longer what is there.",
        examples=['"5d41402abc4b2a76b9719d911017c592"'],
    ),
]


def tag_of(shown: Out) -> str:
    """The strong tag of an answer."""
    return f'"{digest(shown.model_dump(mode="json"))[:32]}"'


def tagged(response: Response, shown: _T) -> _T:
    """The answer, with its tag in the header."""
    response.headers["ETag"] = tag_of(shown)
    return shown


def check_match(if_match: str, shown: Out) -> None:
    """Nothing, where the caller looked at what is there (or did not say); else 412."""
    check_tag(if_match, tag_of(shown))


def check_tag(if_match: str, tag: str) -> None:
    """The same for a tag that is known already. Weak tags never match (RFC 9110, 13.1.1)."""
    if if_match.strip() == "*":
        return
    given = re.findall(r'(?<!W/)"[!#-~]*"', if_match)
    if tag not in given:
        detail = "it has changed since you looked; look again"
        raise Problem(412, Code.PRECONDITION_FAILED, detail, {"ETag": tag})
