"""Getting ready: make the scenario's history, learn the plant from it, keep both for the next run.

What is learned depends on the site, its world before the start, the seed and our own source, and on
nothing else; runs that agree in these share one preparation, kept beside them by its digest.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import optimizer
import plant as plant_package
import reports
import sim
import telemetry
from controller import knowledge as learning
from controller.canonical import digest
from controller.knowledge import Knowledge, learn
from controller.settings import Settings
from plant.site import Site
from sim.history import long_frame, write_history
from sim.plant import SimulatedPlant
from sim.scenario import History, Load, Scenario, WeatherChoice, build_plant, build_site
from telemetry.historian import Historian

CACHE = ".prepared"
BACK_AS_FOUND = timedelta(hours=6)
"""After engineers have stepped every lever, the site is as it was for this long before a scenario begins."""
SAMPLE_S = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A plant at the instant the scenario begins, its past, and what was learned from that.

    `plant` is None where the scenario is for a plant of somebody else.
    """

    scenario: Scenario
    site: Site
    plant: SimulatedPlant | None
    knowledge: Knowledge
    database: Path
    """The historian's file; runs copy it."""
    digest: str


def prepare(scenario: Scenario, out: Path, say: Say = lambda text: None) -> Prepared:
    """The scenario ready to run, from the cache in ``out`` where it is there.

    Raises
    ------
    ConfigError
        If the site, weather, a trace or the history cannot be used.
    """
    site = build_site(scenario)
    key = preparation_digest(scenario)
    folder = out / CACHE / key[:16]
    if not (folder / "done").exists():
        _make(scenario, site, folder, say)
    plant = build_plant(scenario, site)
    with (folder / "image.pickle").open("rb") as file:
        plant.restore(pickle.load(file))
    plant.begin_scoring()
    with (folder / "knowledge.pickle").open("rb") as file:
        knowledge: Knowledge = pickle.load(file)
    return Prepared(scenario, site, plant, knowledge, folder / "history.sqlite", key)


def keep_learned(out: Path, learned: Mapping[str, Knowledge]) -> None:
    """Keep what was learned during a run beside the runs, by its version, for decisions taken again."""
    folder = out / CACHE / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for version, knowledge in learned.items():
        (folder / f"{version}.pickle").write_bytes(pickle.dumps(knowledge))


def learned_model(out: Path, version: str) -> Knowledge | None:
    """What `keep_learned` kept; None where there is nothing of that version."""
    file = out / CACHE / "models" / f"{version}.pickle"
    if not file.is_file():
        return None
    knowledge: Knowledge = pickle.loads(file.read_bytes())
    return knowledge


def preparation_digest(scenario: Scenario) -> str:
    """What decides the history and what is learned from it: the record, not how it was written."""
    files = [scenario.site_file, *scenario.input_files()]
    return digest(
        {
            "start": scenario.start,
            "seed": scenario.seed,
            "weather": _named(scenario.weather),
            "load": _named(scenario.load),
            "history": _named(scenario.history),
            "files": [file_digest(path) for path in files if path.is_file()],
            "source": source_digest(),
        }
    )


def source_digest() -> str:
    """SHA-256 of every Python file of ours that history and learning depend on."""
    total = hashlib.sha256(Path(learning.__file__).read_bytes())
    for package in (plant_package, telemetry, sim, optimizer, reports):
        root = Path(package.__path__[0])
        for path in sorted(root.rglob("*.py")):
            total.update(str(path.relative_to(root)).encode())
            total.update(path.read_bytes())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _named(record: WeatherChoice | Load | History) -> dict[str, object]:
    """A part by its values; a file by its name, since its content is in the digest too."""

    def named(value: object) -> object:
        match value:
            case Path():
                return value.name
            case timedelta():
                return value.total_seconds()
            case _:
                return value

    return {name: named(value) for name, value in asdict(record).items()}


def _make(scenario: Scenario, site: Site, folder: Path, say: Say) -> None:
    """Under another name first: two runs may prepare the same thing at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as name:
        half = Path(name) / "half"
        half.mkdir()
        plant = build_plant(scenario, site)
        knowledge = _past(scenario, site, plant, half, say)
        (half / "image.pickle").write_bytes(pickle.dumps(plant.image))
        (half / "knowledge.pickle").write_bytes(pickle.dumps(knowledge))
        (half / "done").touch()
        try:
            half.replace(folder)
        except OSError:
            return  # another run was quicker: what it made is the same


def _past(scenario: Scenario, site: Site, plant: SimulatedPlant, folder: Path, say: Say) -> Knowledge:
    """Live through the time before the scenario, and learn from it."""
    history = scenario.history
    historian = Historian(f"sqlite:///{folder / 'history.sqlite'}")
    trends = history.file
    if trends is not None or history.days == 0:
        plant.reset(scenario.start)
    else:
        say(f"living {history.days:g} days before the scenario")
        trends = folder / "history.parquet"
        _live(scenario, plant, trends, historian)
    if trends is None:
        knowledge = Knowledge(None, None, "there is no history to learn from")
    else:
        if history.file is not None:
            historian.import_file(history.file)
        say("learning the plant from its history")
        knowledge = learn(site, historian, Settings(), scenario.start)
    historian.close()
    say(knowledge.sentence)
    return knowledge


def _live(scenario: Scenario, plant: SimulatedPlant, trends: Path, historian: Historian) -> None:
    """Days as found, days of stepping, and hours back as found, so that the scenario begins there."""
    history, back_s = scenario.history, BACK_AS_FOUND.total_seconds()
    begin = scenario.start - timedelta(days=history.days) - BACK_AS_FOUND
    write_history(plant, begin, trends, history.as_found_days, history.excitation_days, seed=scenario.seed)
    historian.import_file(trends)
    for lever in plant.site.levers:
        for point in lever.points:
            plant.write(point, lever.as_found)
    times, values = plant.record(back_s, SAMPLE_S)
    rest = trends.with_name("as_found.parquet")
    long_frame(plant.site, times, values).to_parquet(rest, index=False)
    historian.import_file(rest)
    for made in (trends, rest):
        made.unlink()
