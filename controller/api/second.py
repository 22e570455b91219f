"""What every confirmation by a second person shares."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from controller.api.bodies import PLAIN
from controller.api.problems import Code, Problem
from controller.two_person import NotOpen, SamePerson

RequestId = Annotated[str, Path(pattern=PLAIN, max_length=80, examples=["R-1a2b3c4d"])]


def check_second(answer: object) -> None:
    """Nothing, where a second person agreed in time; else the problem it is."""
    match answer:
        case SamePerson(request):
            raise Problem(403, Code.SAME_PERSON, f"{request.by} asked; someone else confirms")
        case NotOpen(request_id, reason):
            raise Problem(409, Code.NOT_OPEN, f"request {request_id}: {reason}")
