"""What the jobs do: one worker for each kind of long work."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.canonical import canonical
from controller.drill import DeadManDrill
from controller.jobs import Job, JobKind, Result, Worker
from controller.relearning import Relearner
from controller.reporting import MEDIA_TYPES, Order, ReportFormat, asked_period, make_report, written
from controller.wiring import Controller
from plant.errors import ConfigError
from reports.periods import Split

_JSON = "application/json"


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

    async def report(self, job: Job) -> Result:
        """The same report as over HTTP and on the command line; always a draft."""
        controller, site = self.controller, self.controller.parts.site

        def text(name: str) -> str | None:
            value = job.order.get(name)
            return None if value is None else str(value)

        named = asked_period(site, text("period"), text("start"), text("end"))
        form = ReportFormat(str(job.order["format"]))
        report = await make_report(
            site,
            controller.historian,
            controller.feeds,
            controller.knowledge.baseline,
            Order(named.start, named.end, Split(str(job.order["split"])), text("profile")),
            generated_at=controller.parts.clock.now(),
        )
        content = await asyncio.to_thread(written, report, form)
        return Result(f"report {report.id}", MEDIA_TYPES[form], content)

    async def calibrate(self, job: Job) -> Result:
        """Learn anew, adopt what is not worse, and say which it was."""
        controller = self.controller
        before = controller.knowledge
        now = controller.parts.clock.now()
        await Relearner(controller, now).learn_now(now)
        after = controller.knowledge
        told = {
            "adopted": after.model is not None and after.model != before.model,
            "sentence": after.sentence,
            "model": None if after.model is None else after.model.version,
            "before": None if before.model is None else before.model.version,
        }
        return Result(after.sentence, _JSON, canonical(told).encode())

    async def replay(self, job: Job) -> Result:
        """Run a scenario in a program of its own: the plant's loop must not share its processor."""
        days = job.order.get("days")
        command = [
            *(sys.executable, "-m", "controller", "scenario", "run", str(job.order["scenario"])),
            *("--policy", str(job.order["policy"]), "--out", str(self.runs)),
            *(("--days", str(days)) if days is not None else ()),
        ]
        pipe = asyncio.subprocess.PIPE
        program = await asyncio.create_subprocess_exec("nice", *command, stdout=pipe, stderr=pipe)
        try:
            told, complaints = await program.communicate()
        finally:
            if program.returncode is None:
                program.kill()
        # 1 says that the scenario's criteria were not met: that is a result.
        if program.returncode not in (0, 1) or not told:
            raise ConfigError(
                "replay", complaints.decode(errors="replace").strip()[-300:], "correct the order"
            )
        lines = told.decode(errors="replace").strip().splitlines()
        return Result(lines[-1], "text/plain; charset=utf-8", told)

    async def hold_drill(self, job: Job) -> Result:
        """Hold a dead-man drill."""
        drill = await self.drill.hold(job.by)
        told = {"passed": drill.passed, "took_over_after_s": drill.took_over_after_s, "note": drill.note}
        return Result(drill.note, _JSON, canonical(told).encode())
