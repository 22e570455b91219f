"""Where a report comes from: hashes of the code and of the site's description its figures follow from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import plant
from plant.kpi import DEFINITIONS_VERSION
from plant.site import Site
from reports.account_record import METHOD_VERSION
from reports.baseline_model import METHOD_VERSION as BASELINE_VERSION
from reports.baseline_model import BaselineModel
from reports.report_record import Provenance
from reports.supplied import Supplied


def provenance(
    site: Site, baseline: BaselineModel | None, supplied: Supplied, step_s: int, min_measured: float
) -> Provenance:
    """What has to be the same to get the same report again."""
    return Provenance(
        f"{METHOD_VERSION}+{BASELINE_VERSION}+kpi/{DEFINITIONS_VERSION}",
        config_sha256(site),
        step_s,
        min_measured,
        baseline.id if baseline else None,
        code_sha256(),
        supplied.sha256,
    )


@cache
def code_sha256() -> str:
    """Hash of the source files a report's figures come from."""
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(plant.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(f"{package.name}/{path.relative_to(package)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


def config_sha256(site: Site) -> str:
    """Hash of everything the site file says, however the file is laid out."""
    described = asdict(replace(site, source_file=None, reporting_file=None))
    text = json.dumps(described, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
