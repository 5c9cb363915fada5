"""deploy/kubernetes as `kubectl apply -k` would send it, and the Job that dagster-k8s makes of a run there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
import yaml
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._serdes import ConfigurableClassData
from dagster_k8s import K8sRunLauncher

from tests.web import WebServer


@dataclass(frozen=True)
class Overlay:
    """A rendered folder.

    `objects` are by KIND/NAME; `dagster` is the dagster.yaml in its ConfigMap; `pods` are the templates of pods by the
    name of what makes them, `run` is a run's; `job` is the Job of a run, and `asked` all that its launcher asked of
    Kubernetes: API group, resource, verb.
    """

    objects: dict[str, dict[str, Any]]
    dagster: dict[str, Any]
    pods: dict[str, dict[str, Any]]
    job: dict[str, Any]
    asked: set[tuple[str, str, str]]


def render(folder: Path, instance: DagsterInstance) -> Overlay:
    """Return what `kubectl kustomize` makes of a folder, and launch a run by its dagster.yaml."""
    kubectl = Path(sys.executable).with_name("kubectl")
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    objects = {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(done.stdout)}
    dagster = yaml.safe_load(objects["ConfigMap/pyzn-dagster"]["data"]["dagster.yaml"])
    job, asked = _launch(dagster["run_launcher"], objects["ConfigMap/pyzn-settings"]["data"], instance)
    made = [one for one in objects.values() if "template" in one.get("spec", {})]
    pods = {one["metadata"]["name"]: one["spec"]["template"] for one in made} | {"run": job["spec"]["template"]}
    return Overlay(objects, dagster, pods, job, asked)


def container(template: dict[str, Any]) -> dict[str, Any]:
    """Return the one container of a pod."""
    (only,) = template["spec"]["containers"]
    assert isinstance(only, dict)
    return only


def _launch(
    launcher: dict[str, Any], settings: dict[str, str], instance: DagsterInstance
) -> tuple[dict[str, Any], set[tuple[str, str, str]]]:
    """Launch a run, look at it and cancel it; return its Job, and all that it asked of Kubernetes."""
    requests: list[tuple[str, str, Any]] = []
    with _cluster(requests) as kubeconfig, pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        config = launcher["config"] | {"load_incluster_config": False, "kubeconfig_file": kubeconfig}
        data = ConfigurableClassData(launcher["module"], launcher["class"], yaml.safe_dump(config))
        made = data.rehydrate(K8sRunLauncher)
        made.register_instance(instance)
        code = RepositoryPythonOrigin("python", ModuleCodePointer("pyzn_pipeline.definitions", "defs", None))
        job = JobPythonOrigin("daily_downloads", code)
        run = instance.add_run(DagsterRun(job.job_name, status=DagsterRunStatus.STARTED, job_code_origin=job))
        made.launch_run(LaunchRunContext(run, workspace=None))
        made.check_run_worker_health(run)
        made.get_run_worker_debug_info(run)
        made.terminate(run.run_id)  # type: ignore[no-untyped-call]  # Dagster's own
        made.get_run_worker_debug_info(run)
    (created,) = (body for method, _, body in requests if method == "POST")
    return created, {_permission(method, path) for method, path, _ in requests}


def permissions(role: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what a Role allows: API group, resource, verb."""
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def _permission(method: str, path: str) -> tuple[str, str, str]:
    found = re.match(r"/(?:api|apis/(\w+))/v1/namespaces/pyzn/(\w+)(?:/([^/?]+))?(?:/(\w+))?", path)
    assert found is not None, path
    group, resource, name, part = found.groups()
    verb = {"POST": "create", "DELETE": "delete", "GET": "get" if name else "list"}[method]
    return group or "", f"{resource}/{part}" if part else resource, verb


@contextmanager
def _cluster(requests: list[tuple[str, str, Any]]) -> Iterator[str]:
    """Run an API server in which a Job has a running pod until that is deleted; yield a kubeconfig."""
    state = {"name": "dagster", "image": "", "imageID": "", "ready": True, "restartCount": 0, "state": {"running": {}}}
    status = {"phase": "Running", "containerStatuses": [state]}
    pod = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "dagster"}]}, "status": status}

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")
            requests.append((self.command, self.path, body))
            deleted = any(method == "DELETE" and "/pods/" in path for method, path, _ in requests)
            items = [pod] if "/pods?" in self.path and not deleted else []
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"items": items} | body).encode())

        do_POST = do_DELETE = do_GET  # noqa: N815  # the library's names

    with WebServer(Api) as server, NamedTemporaryFile("w") as file:
        config = {
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": server.url}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "users": [{"name": "test", "user": {}}],
        }
        yaml.safe_dump(config, file)
        file.flush()
        yield file.name
