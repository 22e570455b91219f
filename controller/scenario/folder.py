"""The run folder: everything a run was made from and came to, readable without us.

The same scenario, policy, seed and source give the same bytes in every file but two: `manifest.json`,
whose key `wall` (and the command) may differ, and `wall.jsonl`, the solver's own seconds.
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import yaml

from controller.canonical import Json, canonical, digest, plain, stamp
from controller.scenario.prepare import Prepared, file_digest, source_digest
from controller.scenario.recorder import Recorder
from plant.kpi import DEFINITIONS_VERSION
from sim.scenario import Scenario
from sim.scenario.read import SHIPPED_SITES

MANIFEST_VERSION = 1
BUNDLED = "bundled simulator"
_WITH_WALL_TIME = frozenset({"manifest.json", "wall.jsonl"})
_PACKAGES = ("coolwright", "numpy", "scipy", "pandas", "pyarrow", "pyomo", "highspy", "statsmodels", "pvlib")
_FILE_KEYS = (("weather", "trace"), ("load", "trace"), ("carbon", "path"), ("price", "day_ahead"))


def folder_name(scenario: Scenario, policy: str, plant: str | None) -> str:
    """A name that says what the run was; a digest tells variants of one scenario apart."""
    days = scenario.length.total_seconds() / 86_400
    what = digest({"document": _dated(scenario.document), "plant": plant})[:8]
    return f"{scenario.name}-{policy}-s{scenario.seed}-{days:.4g}d-{what}"


class RunFolder:
    """One folder, written once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def begin(self) -> None:
        """An empty folder; a run of the same name is replaced."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)

    def write_inputs(
        self, scenario: Scenario, overrides: Mapping[str, object], plant_files: Sequence[Path] = ()
    ) -> None:
        """The scenario as used, and every file it names, so that the folder can be run again."""
        document = _dated(scenario.document)
        files = [*(p for p in scenario.input_files() if p != scenario.history.file), *plant_files]
        if scenario.site_file not in SHIPPED_SITES.values():
            files.append(scenario.site_file)
            document["site"] = f"inputs/{scenario.site_file.name}"
        for path in files:
            (self.path / "inputs").mkdir(exist_ok=True)
            shutil.copy(path, self.path / "inputs" / path.name)
        for part, key in _FILE_KEYS:
            section = document.get(part)
            if isinstance(section, dict) and section.get(key):
                section[key] = f"inputs/{Path(str(section[key])).name}"
        history = document.get("history")
        if isinstance(history, dict) and scenario.history.file is not None:
            (self.path / "inputs").mkdir(exist_ok=True)
            shutil.copy(scenario.history.file, self.path / "inputs" / scenario.history.file.name)
            history["file"] = f"inputs/{scenario.history.file.name}"
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
        changed = "".join(f"# set by hand: {k} = {v}\n" for k, v in overrides.items())
        self.write_text("scenario.yaml", changed + text)

    def write_record(self, recorder: Recorder) -> None:
        """Everything the recorder kept."""
        self.write_table("trajectory.parquet", recorder.trajectory())
        self.write_table("readings.parquet", recorder.readings())
        self.write_table("forecasts.parquet", recorder.forecasts())
        recorder.histogram().to_csv(self.path / "inlet_histogram.csv", index=False, lineterminator="\n")
        self.write_lines("decisions.jsonl", recorder.decisions)
        self.write_lines("solver.jsonl", recorder.solver)
        ordered = sorted(recorder.events, key=lambda e: str(e["at"]))
        self.write_lines("events.jsonl", ordered)

    def write_text(self, name: str, text: str) -> None:
        """One file of text."""
        (self.path / name).write_text(text, encoding="utf-8", newline="")

    def write_json(self, name: str, document: Mapping[str, object]) -> None:
        """One JSON object, for people too."""
        text = json.dumps(plain(document), indent=1, ensure_ascii=False, allow_nan=False)
        self.write_text(name, text + "\n")

    def write_lines(self, name: str, records: Sequence[Mapping[str, Json]]) -> None:
        """One canonical JSON object a line."""
        self.write_text(name, "".join(canonical(record) + "\n" for record in records))

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """One Parquet table."""
        frame.to_parquet(self.path / name, index=False, compression="zstd")

    def finish(
        self,
        scenario: Scenario,
        ready: Prepared,
        *,
        policy: str,
        plant: str | None,
        command: str,
        wall: Mapping[str, object],
        stages: Sequence[Mapping[str, Json]],
    ) -> None:
        """The manifest, last: a folder without one was not finished."""
        self.write_lines("wall.jsonl", stages)
        model = ready.knowledge.model
        self.write_json(
            "manifest.json",
            {
                "manifest_version": MANIFEST_VERSION,
                "scenario": scenario.name,
                "policy": policy,
                "plant": plant or BUNDLED,
                "seed": scenario.seed,
                "start": stamp(scenario.start),
                "end": stamp(scenario.end),
                "tick_s": scenario.tick_s,
                "site": ready.site.id,
                "model_version": None if model is None else model.version,
                "knowledge": ready.knowledge.sentence,
                "preparation": ready.digest,
                "source_sha256": source_digest(),
                "kpi_definitions_version": DEFINITIONS_VERSION,
                "versions": {"python": platform.python_version(), **_versions()},
                "command": command,
                "files_sha256": self.hashes(),
                "wall": dict(wall),
            },
        )

    def hashes(self) -> dict[str, str]:
        """SHA-256 of each file that the same run gives again."""
        files = sorted(p for p in self.path.rglob("*") if p.is_file() and p.name not in _WITH_WALL_TIME)
        return {str(p.relative_to(self.path)): file_digest(p) for p in files}


def run_digest(folder: Path) -> str:
    """One digest for a whole run, wall times left out: equal runs have equal ones."""
    total = hashlib.sha256()
    for name, value in RunFolder(folder).hashes().items():
        total.update(f"{name} {value}\n".encode())
    return total.hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _dated(value: object) -> dict[str, object]:
    """The document with YAML's dates as ISO text, all the way down."""

    def walk(part: object) -> object:
        match part:
            case dict():
                return {str(k): walk(v) for k, v in part.items()}
            case list():
                return [walk(v) for v in part]
            case None | bool() | int() | float() | str():
                return part
            case _:
                return stamp(part) if hasattr(part, "tzinfo") else str(part)  # type: ignore[arg-type]

    walked = walk(dict(value) if isinstance(value, Mapping) else {})
    return walked if isinstance(walked, dict) else {}
