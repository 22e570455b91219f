"""Where the cases of a sweep run: on this machine's cores, or on a Dask cluster by its address."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from controller.scenario.prepare import source_digest
from plant.errors import ConfigError

CONNECT_S = 10.0


@contextmanager
def workers(count: int, dask: str | None, out: Path) -> Iterator[Executor]:
    """An executor: ``count`` processes here (0 is one a core), or the cluster at ``dask``.

    Workers of a cluster write the runs themselves: they must see ``out`` under the same path, and run
    the same source.

    Raises
    ------
    ConfigError
        If there is no such cluster, or one of its workers is not fit.
    """
    if dask is None:
        with ProcessPoolExecutor(count or os.cpu_count() or 1) as pool:
            yield pool
        return
    with _connected(dask) as client:
        _check_workers(client, dask, out)
        with client.get_executor(pure=False) as pool:
            yield pool


def _connected(dask: str) -> Any:
    where = f"option --dask {dask}"
    if find_spec("distributed") is None:
        mend = "run pip install 'coolwright[dask]'"
        raise ConfigError(where, "needs the optional extra dask, which is not installed", mend)
    from distributed import Client

    client: Any = Client
    try:
        return client(dask, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        mend = "give the address a scheduler prints, such as tcp://10.0.0.5:8786"
        raise ConfigError(where, f"no scheduler answers there ({type(error).__name__})", mend) from None


def _check_workers(client: Any, dask: str, out: Path) -> None:
    where = f"option --dask {dask}"
    with NamedTemporaryFile(dir=out, prefix=".seen-") as mark:
        found: dict[str, tuple[str, bool]] = client.run(_seen, mark.name)
    if not found:
        raise ConfigError(where, "has no workers", "start one with: dask worker ADDRESS")
    for worker, (digest, sees) in sorted(found.items()):
        if digest != source_digest():
            raise ConfigError(
                f"worker {worker}", "runs other source than this program", "install the same there"
            )
        if not sees:
            raise ConfigError(
                f"worker {worker}", f"does not see {out}", "name a folder that all of them share"
            )


def _seen(mark: str) -> tuple[str, bool]:
    return source_digest(), Path(mark).exists()
