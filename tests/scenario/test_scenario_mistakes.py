"""A person's mistake is one line, and exit code 2: every command of `coolwright scenario`."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.cli.main import app
from plant.errors import ConfigError

DEMO = str(Path(__file__).parents[2] / "examples" / "demo.yaml")
UNLEARNED = ["--set=history.as_found_days=0", "--set=history.excitation_days=0", "--days=0.01"]
FIXED = ["--policy=fixed", *UNLEARNED]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("show heatwave", "did you mean heat-wave"),
        ("show broken.yaml", "is not valid YAML"),
        ("run dead-lever --policy=magic", "use one of mpc"),
        ("run dead-lever --days=nan", "is not a length"),
        ("run dead-lever --days=0", "is not a length"),
        ("run dead-lever --set=faults.7.kind=x", "cannot be set there"),
        ("run dead-lever --set=pass.quiet=[fallbak]", "did you mean fallback"),
        ("run dead-lever --plant=os:getcwd", "is not a function of (site, seed)"),
        ("run dead-lever --plant=os:nothing", "os has no nothing"),
        ("run dead-lever --plant=nowhere.at_all:make", "cannot be imported"),
        ("run dead-lever --plant=sim.foreign.energyplus:beside_site", "energyplus.yaml: does not exist"),
        ("run dead-lever --out=file", "cannot be made"),
        ("compare nowhere", "is not the folder of a finished run"),
        ("compare dead-lever --policy=magic", "use one of mpc"),
        ("compare dead-lever --policy=", "names none"),
        ("sweep dead-lever --policy=magic", "use one of mpc"),
        ("sweep dead-lever --seeds=5..1", "is not a list of seeds"),
        ("sweep dead-lever --grid=limits.margin_k=[,", "is not YAML"),
        ("sweep dead-lever --grid=no.key=1", "extra inputs are not permitted"),
        ("sweep dead-lever --draw=limits.margin_k=nan..1", "is not KEY=LOW..HIGH"),
        ("sweep dead-lever --dask=nonsense", "no scheduler answers there"),
        ("sweep dead-lever --out=file", "cannot be made"),
        ("cut nowhere.yaml --from=2026-01-01 --to=2026-01-02 -o x", "does not exist"),
        (f"cut {DEMO} --from=2026-01-02 --to=2026-01-01 -o x --historian=sqlite://", "less than an hour"),
        (f"cut {DEMO} --from=2026-01-01 --to=2026-01-02 -o x --historian=sqlite:// --name=A_b", "not a name"),
        ("replay --decision=1 --run=nowhere", "is not the folder of a finished run"),
        ("replay --decision=1 --out=nowhere", "holds no finished run"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    command: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("broken.yaml").write_text("a: [1\n", encoding="utf-8")
    verb, *rest = command.split()
    extra = FIXED if verb == "run" and "--policy" not in command and "--days" not in command else []
    error = CliRunner().invoke(app, ["scenario", verb, *rest, *extra]).exception
    # `controller.cli.main.main` prints it as it is and exits with 2.
    assert isinstance(error, ConfigError), error
    assert told in str(error)
    assert "\n" not in str(error)


def test_a_mistake_found_in_a_worker_comes_back_whole() -> None:
    error = ConfigError("thing", "problem", "mend")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.thing, again.mend) == (str(error), "thing", "mend")
