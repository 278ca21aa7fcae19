"""A run's settings and figures in MLflow, over the REST API of its tracking server: no package is needed.

https://mlflow.org/docs/latest/rest-api.html. The server's id of the run stays in RUN/mlflow.json, so that a run that is
resumed goes on there too.
"""

import json
import logging
import math
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from locutor.errors import ServiceError, StorageError
from locutor.training.log import Ending

logger = logging.getLogger(__name__)

EXPERIMENT = "locutor"
API = "/api/2.0/mlflow/"
TIMEOUT_S = 5.0  # a server that hangs must not keep a run from stopping in time
MAX_VALUE = 6000  # characters of a parameter
STATUSES: dict[Ending, str] = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MlflowRun:
    """One run at a tracking server. Raises ServiceError when it cannot be begun, StorageError when the folder does not
    take its id; later the training is not disturbed: a server that fails is told of in the log once, and not written to
    again."""

    def __init__(self, url: str, folder: Path, params: Mapping[str, object]) -> None:
        self._client = httpx.Client(base_url=url.rstrip("/") + API, timeout=TIMEOUT_S)
        self._id, self._fails = "", False
        with ExitStack() as undo:
            undo.callback(self.close, "failed")
            try:
                self._begin(folder, params)
            except (httpx.HTTPError, KeyError, ValueError) as error:
                raise ServiceError(f"no run could be begun at the MLflow server {url}: {_said(error)}") from error
            undo.pop_all()

    def write(self, step: int, scalars: Mapping[str, float]) -> None:
        now = int(1000 * time.time())
        metrics = [
            {"key": name, "value": value, "timestamp": now, "step": step}
            for name, value in scalars.items()
            if math.isfinite(value)
        ]
        self._tell("runs/log-batch", {"run_id": self._id, "metrics": metrics})

    def close(self, ending: Ending) -> None:
        if self._id:
            end = {"status": STATUSES[ending], "end_time": int(1000 * time.time())}
            self._tell("runs/update", {"run_id": self._id, **end})
        self._client.close()

    def _begin(self, folder: Path, params: Mapping[str, object]) -> None:
        path = folder / "mlflow.json"
        if path.is_file():
            self._id = str(json.loads(path.read_text(encoding="utf-8"))["run_id"])
            self._post("runs/update", {"run_id": self._id, "status": "RUNNING"})
            return
        body = {"experiment_id": self._experiment(), "run_name": folder.name, "start_time": int(1000 * time.time())}
        self._id = str(self._post("runs/create", body)["run"]["info"]["run_id"])
        texts = [{"key": name, "value": str(value)[:MAX_VALUE]} for name, value in params.items()]
        self._post("runs/log-batch", {"run_id": self._id, "params": texts})
        try:
            path.write_text(json.dumps({"run_id": self._id}), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}") from error

    def _experiment(self) -> str:
        found = self._client.get("experiments/get-by-name", params={"experiment_name": EXPERIMENT})
        if found.status_code == httpx.codes.NOT_FOUND:
            return str(self._post("experiments/create", {"name": EXPERIMENT})["experiment_id"])
        return str(found.raise_for_status().json()["experiment"]["experiment_id"])

    def _post(self, path: str, body: Mapping[str, object]) -> Any:
        return self._client.post(path, json=body).raise_for_status().json()

    def _tell(self, path: str, body: Mapping[str, object]) -> None:
        if self._fails:
            return
        try:
            self._post(path, body)
        except (httpx.HTTPError, ValueError) as error:
            self._fails = True
            logger.warning("MLflow is not written to any more: %s", _said(error))


def _said(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"{error.response.status_code}, {error.response.text[:300]}"
    return str(error) or type(error).__name__
