"""What the jobs do: one worker for each kind of long work."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.canonical import canonical
from controller.child_work import WorkFailed
from controller.drill import DeadManDrill
from controller.job_runner import Tell, Worker
from controller.jobs import Job, JobKind, Result
from controller.relearning import Relearner
from controller.report_routes import report_of
from controller.reporting import MEDIA_TYPES, Order, ReportFormat, asked_period, written
from controller.wiring import Controller
from reports.periods import Split

_JSON = "application/json"
_LONGEST_LINE = 2**24
"""Bytes of a line a replay may tell: its result is one."""


@dataclass(frozen=True)
class Workers:
    """The workers of one controller."""

    controller: Controller
    drill: DeadManDrill
    runs: Path
    """Where replays leave their folders."""

    def by_kind(self) -> Mapping[JobKind, Worker]:
        """Each kind's worker."""
        return {
            JobKind.REPORT: self.report,
            JobKind.CALIBRATION: self.calibrate,
            JobKind.REPLAY: self.replay,
            JobKind.DRILL: self.hold_drill,
        }

    async def report(self, job: Job, tell: Tell) -> Result:
        """The same report as over HTTP and on the command line; always a draft."""

        def text(name: str) -> str | None:
            value = job.order.get(name)
            return None if value is None else str(value)

        named = asked_period(self.controller.parts.site, text("period"), text("start"), text("end"))
        form = ReportFormat(str(job.order["format"]))
        tell(None, "reading the history")
        order = Order(named.start, named.end, Split(str(job.order["split"])), text("profile"))
        report = await report_of(self.controller, order)
        tell(0.9, f"writing {form}")
        content = await asyncio.to_thread(written, report, form)
        return Result(f"report {report.id}", MEDIA_TYPES[form], content)

    async def calibrate(self, _job: Job, tell: Tell) -> Result:
        """Learn anew, adopt what is not worse, and say which it was."""
        controller = self.controller
        before = controller.knowledge
        now = controller.parts.clock.now()
        tell(None, f"learning from the last {controller.settings.history_days:g} days")
        await Relearner(controller, now).learn_now(now)
        after = controller.knowledge
        told = {
            "adopted": after.model is not None and after.model != before.model,
            "sentence": after.sentence,
            "model": None if after.model is None else after.model.version,
            "before": None if before.model is None else before.model.version,
        }
        return Result(after.sentence, _JSON, canonical(told).encode())

    async def replay(self, job: Job, tell: Tell) -> Result:
        """Run a scenario in a program of its own, which ends with this one."""
        tell(None, "making a simulated plant ready")
        order = canonical({**job.order, "job": job.id, "out": str(self.runs)})
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "controller.replay_job", order),
            stdin=pipe,
            stdout=pipe,
            stderr=asyncio.subprocess.DEVNULL,
            limit=_LONGEST_LINE,
        )
        try:
            told = await _heard(program, tell)
        finally:
            if program.returncode is None:
                program.kill()
                await program.wait()
        if "result" not in told:
            raise WorkFailed(told.get("mistake") or f"the replay ended with {program.returncode}")
        made = told["result"]
        note = f"{'passed' if made['passed'] else 'failed its criteria'}: {made['folder']}"
        return Result(note, _JSON, canonical(made).encode())

    async def hold_drill(self, job: Job, tell: Tell) -> Result:
        """Hold a dead-man drill."""
        tell(None, "the heartbeat is withheld")
        drill = await self.drill.hold(job.by)
        told = {"passed": drill.passed, "took_over_after_s": drill.took_over_after_s, "note": drill.note}
        return Result(drill.note, _JSON, canonical(told).encode())


async def _heard(program: asyncio.subprocess.Process, tell: Tell) -> dict[str, Any]:
    """What a program tells last, after passing on how far it is."""
    told: dict[str, Any] = {}
    assert program.stdout is not None
    async for line in program.stdout:
        told = json.loads(line)
        if "share" in told:
            tell(told["share"], told["words"])
    await program.wait()
    return told
