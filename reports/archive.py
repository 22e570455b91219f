"""Closed reports: a folder each, never written twice, every file's hash in a manifest.

Late data or a mended meter makes a new version beside the old one, with the reason and every cell that
differs. A manifest names the hash of the version before it, so that none can be exchanged unseen.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from plant.errors import ConfigError
from reports.baseline_model import BaselineModel
from reports.evidence import EvidenceBook
from reports.report_record import EnergyReport, Status
from reports.traces import row_cells
from reports.writers.csv import to_csv
from reports.writers.json import to_json

_MANIFEST = "manifest.json"
NOTHING: Mapping[str, Callable[[EnergyReport], bytes]] = {}


@dataclass(frozen=True, slots=True)
class CellChange:
    """A cell that a restatement changed. None: withheld, or not there."""

    cell: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Closed:
    """A closed report as it lies in the archive; `changes` is empty for the first version."""

    id: str
    folder: Path
    manifest_sha256: str
    changes: tuple[CellChange, ...]
    report: EnergyReport


@dataclass(frozen=True)
class Archive:
    """The folder closed reports are kept in."""

    folder: Path

    def close(
        self,
        report: EnergyReport,
        book: EvidenceBook,
        baseline: BaselineModel | None,
        *,
        at: datetime,
        by: str,
        reason: str | None = None,
        rendered: Mapping[str, Callable[[EnergyReport], bytes]] = NOTHING,
    ) -> Closed:
        """Close a report: write it with its evidence, once and for good.

        `rendered` are further files by name (`report.pdf`), made of the report as closed.

        Raises
        ------
        ConfigError
            If the period has not ended; if it was closed before and no reason for restating is given,
            or nothing differs from the version before.
        """
        if report.whole.account.end > at:
            raise ConfigError(f"report {report.whole.label}", "has not ended", "close it after its last day")
        before = self._latest(report)
        version = 1 if before is None else before[0] + 1
        closed = replace(report, status=Status.CLOSED, version=version)
        cells = all_cells(closed)
        changes: tuple[CellChange, ...] = ()
        if before is not None:
            if not reason:
                raise ConfigError(
                    f"report {before[1].name}",
                    "is closed already",
                    "restate it with --reason, or read it as it is",
                )
            changes = _differences(self._cells(before[1]), cells)
            if not changes:
                raise ConfigError(
                    f"report {before[1].name}", "would not change", "there is nothing to restate"
                )
        files = {
            "report.json": to_json(closed).encode(),
            "report.csv": to_csv(closed).encode(),
            "cells.json": _text(cells),
            "derived.json": _text({"step_h": book.step_h, "derived": book.derived}),
            "evidence.parquet": _parquet(book.frame()),
            "baseline.json": (baseline.to_json() if baseline else "null").encode(),
            "changes.json": _text([vars_of(c) for c in changes]),
            "supplied.yaml": _supplied_text(closed),
            **{name: write(closed) for name, write in rendered.items()},
        }
        manifest = {
            "report": closed.id,
            "closed_at": at.isoformat(),
            "closed_by": by,
            "reason": reason,
            "restates": before[1].name if before else None,
            "restates_manifest_sha256": _sha((before[1] / _MANIFEST).read_bytes()) if before else None,
            "config_sha256": closed.provenance.config_sha256,
            "code_sha256": closed.provenance.code_sha256,
            "files": {name: _sha(content) for name, content in files.items()},
        }
        folder = _written_once(self.folder / closed.id, {**files, _MANIFEST: _text(manifest)})
        return Closed(closed.id, folder, _sha(_text(manifest)), changes, closed)

    def open(self, report_id: str) -> ArchivedReport:
        """A closed report, after checking that nothing in it was changed.

        Raises
        ------
        ConfigError
            If there is none of that name, or a file is not what the manifest says.
        """
        folder = self.folder / report_id
        if Path(report_id).name != report_id or not (folder / _MANIFEST).is_file():
            known = ", ".join(sorted(p.name for p in self.folder.glob("*-v*"))[-5:]) or "none yet"
            raise ConfigError(f"report {report_id!r}", f"is not in {self.folder}", f"closed are: {known}")
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        for name, sha in manifest["files"].items():
            content = (folder / name).read_bytes() if (folder / name).is_file() else b""
            if _sha(content) != sha:
                raise ConfigError(
                    f"report {report_id}", f"{name} was changed after closing", "restore it from a backup"
                )
        before = manifest["restates"]
        if before and (self.folder / before / _MANIFEST).is_file():
            found = _sha((self.folder / before / _MANIFEST).read_bytes())
            if found != manifest["restates_manifest_sha256"]:
                raise ConfigError(
                    f"report {before}", "was changed after it was restated", "restore it from a backup"
                )
        return ArchivedReport(folder, manifest)

    def ids(self) -> list[str]:
        """Every closed report there is, by name; whether they are intact is found by opening them."""
        found = (p.parent.name for p in self.folder.glob(f"*/{_MANIFEST}"))
        return sorted(name for name in found if not name.startswith("."))

    def _latest(self, report: EnergyReport) -> tuple[int, Path] | None:
        stem = f"{report.site_id}-{report.whole.label}-v"
        found = [p for p in self.folder.glob(f"{stem}*") if p.name.removeprefix(stem).isdigit()]
        versions = [(int(p.name.removeprefix(stem)), p) for p in found]
        return max(versions, default=None)

    def _cells(self, folder: Path) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.open(folder.name).json("cells.json")
        return found


@dataclass(frozen=True)
class ArchivedReport:
    """One closed report's files."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def manifest_sha256(self) -> str:
        """Hash of the manifest: what a restatement and a citation name."""
        return _sha((self.folder / _MANIFEST).read_bytes())

    def content(self, name: str) -> bytes | None:
        """One of the files the manifest names; None if it names no such file."""
        return (self.folder / name).read_bytes() if name in self.manifest["files"] else None

    def json(self, name: str) -> Any:
        """One of its JSON files."""
        return json.loads((self.folder / name).read_text(encoding="utf-8"))

    def evidence(self) -> pd.DataFrame:
        """Every step's samples, factors and rates."""
        return pd.read_parquet(self.folder / "evidence.parquet")


def all_cells(report: EnergyReport) -> dict[str, dict[str, Any]]:
    """Every cell of a report by ``ROW/NAME``; the whole period's row is ``total``."""
    rows = {row.label: row for row in (*report.months, *report.parts)}
    found: dict[str, dict[str, Any]] = {}
    for label, row in {**rows, "total": report.whole}.items():
        span = [row.account.start.isoformat(), row.account.end.isoformat()]
        for name, cell in row_cells(row, report.supplied).items():
            found[f"{label}/{name}"] = {
                "value": None if math.isnan(cell.value) else cell.value,
                "unit": cell.unit,
                "withheld": cell.withheld,
                "span": span,
                "trace": cell.trace,
            }
    return found


def vars_of(change: CellChange) -> dict[str, Any]:
    """A change as plain values."""
    return {"cell": change.cell, "before": change.before, "after": change.after}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[CellChange, ...]:
    def value(cells: Mapping[str, Any], name: str) -> float | None:
        found: float | None = cells[name]["value"] if name in cells else None
        return found

    names = dict.fromkeys((*before, *after))
    return tuple(
        CellChange(name, value(before, name), value(after, name))
        for name in names
        if value(before, name) != value(after, name)
    )


def _supplied_text(report: EnergyReport) -> bytes:
    file = report.supplied.file
    return file.read_bytes() if file is not None else b""


def _text(content: Any) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False, default=str) + "\n").encode()


def _parquet(frame: pd.DataFrame) -> bytes:
    content: bytes = frame.to_parquet(compression="zstd")
    return content


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _written_once(folder: Path, files: Mapping[str, bytes]) -> Path:
    """All files or none: a half-written report would look like a changed one."""
    half = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name, content in files.items():
        path = half / name
        with path.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        path.chmod(0o444)
    if folder.exists():
        raise ConfigError(f"report {folder.name}", "is closed already", "restate it with --reason")
    half.rename(folder)
    return folder
