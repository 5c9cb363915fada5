"""deploy/kubernetes without a cluster: valid for the oldest and newest Kubernetes, and with what a real one asked for.

Each `check_…` passes for the rendered demo, and fails when a line that it is about is taken out.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from dagster import DagsterInstance

from tests.deployment.compose import ROOT, example_environment, load
from tests.deployment.kubernetes import FOLDER, Objects, container, launch, permissions, render, templates

OLDEST, NEWEST = "1.33", "1.37"
LISTENS = {"postgres": 5432, "code": 4000, "webserver": 3000, "api": 5200, "bigquery": 9050}
LAUNCHERS = {"daemon", "webserver"}

Check = Callable[[Objects, DagsterInstance], None]


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterInstance]:
    """Storage for the runs that are launched."""
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as made:
        yield made


@cache
def demo() -> Objects:
    """Return the rendered demo, rendered once."""
    return render(FOLDER / "demo")


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_and_the_runs_job_are_valid(version: str, instance: DagsterInstance, tmp_path: Path) -> None:
    job, _ = launch(demo(), instance)
    for one in [*demo().values(), *production(tmp_path).values(), job]:
        if "kind" in one:
            kubernetes_validate.validate(one, version, strict=True)
    misspelt = deepcopy(demo()["Deployment/api"])
    misspelt["spec"]["template"]["spec"]["terminationGracePeriod"] = 5
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(misspelt, version, strict=True)


def production(folder: Path) -> Objects:
    """Return the rendered overlay for production, with a key file beside it."""
    shutil.copytree(ROOT / "deploy", folder, dirs_exist_ok=True)
    overlay = folder / "kubernetes" / "production"
    (overlay / "key.json").write_text("{}")
    return render(overlay)


def check_confinement(objects: Objects, instance: DagsterInstance) -> None:
    assert objects["Namespace/pyzn"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, template in templates(objects, instance).items():
        pod, only = template["spec"], container(template)
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["runAsUser"] > 0, name  # the image names its user, and Kubernetes wants a number
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert only["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert only["securityContext"]["readOnlyRootFilesystem"], name
        assert only["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert "/tmp" in mounts(template), name  # noqa: S108  # a mount
        assert only["imagePullPolicy"] == "IfNotPresent", name
        assert pod["enableServiceLinks"] is False, name
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}, name
        assert only["resources"]["limits"]["memory"], name
        account = objects.get(f"ServiceAccount/{pod.get('serviceAccountName')}", {})
        token = pod.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        assert token == (name in LAUNCHERS), name


def mounts(template: dict[str, Any]) -> set[str]:
    """Return the paths that a pod has something mounted at."""
    return {mount["mountPath"] for mount in container(template).get("volumeMounts", ())}


def check_roles(objects: Objects, instance: DagsterInstance) -> None:
    """What the launcher asks of Kubernetes for a run from its start to its cancellation, and no more."""
    assert permissions(objects["Role/pyzn-launcher"]) == launch(objects, instance)[1]
    assert objects["RoleBinding/pyzn-launcher"]["subjects"][0]["name"] == "pyzn-launcher"
    accounts = {
        name: template["spec"].get("serviceAccountName") for name, template in templates(objects, instance).items()
    }
    assert {name for name, account in accounts.items() if account == "pyzn-launcher"} == LAUNCHERS


def check_runs(objects: Objects, instance: DagsterInstance) -> None:
    job, _ = launch(objects, instance)
    assert job["spec"]["backoffLimit"] == 0  # the ledger asks again, nothing else
    assert job["spec"]["ttlSecondsAfterFinished"] > 3600
    run, code = job["spec"]["template"], objects["Deployment/code"]["spec"]["template"]
    assert '"set_exit_code_on_failure": true' in container(run)["args"][-1]
    assert run["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert run["spec"]["serviceAccountName"] == code["spec"]["serviceAccountName"]
    assert container(run)["image"] == container(code)["image"]
    assert container(run)["envFrom"] == container(code)["envFrom"]
    assert mounts(run) == mounts(code) - {"/dagster/dagster.yaml"}  # a run gets its instance with its arguments
    google = [next(volume for volume in one["spec"]["volumes"] if volume["name"] == "google") for one in (run, code)]
    assert google[0]["projected"]["sources"] == google[1]["projected"]["sources"]


def check_dagster(objects: Objects, _: DagsterInstance) -> None:
    """The instance is the project's dagster.yaml, but where Kubernetes differs."""
    written = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert objects["dagster.yaml"] == written | {
        "run_launcher": objects["dagster.yaml"]["run_launcher"],
        "run_monitoring": written["run_monitoring"] | {"start_timeout_seconds": 600},  # a node is made, an image pulled
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager",
        },
    }  # fmt: skip
    daemon = objects["Deployment/daemon"]["spec"]
    assert daemon["strategy"] == {"type": "Recreate"}
    assert "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR" in {
        one["name"] for one in container(daemon["template"])["env"]
    }
    for name, template in ((name, objects[f"Deployment/{name}"]["spec"]["template"]) for name in ("code", *LAUNCHERS)):
        assert {"/dagster/dagster.yaml", "/dagster/storage"} <= mounts(template), name
    # `dagster instance migrate` would build the launcher, which wants a token of the cluster.
    migrate = objects["Job/migrate"]["spec"]["template"]
    assert "dagster instance migrate" in container(migrate)["command"][-1]
    assert "/dagster/dagster.yaml" not in mounts(migrate)


def check_rolling(objects: Objects, _: DagsterInstance) -> None:
    """The API answers while it is rolled, scaled, or its node is drained."""
    api = objects["Deployment/api"]["spec"]
    assert container(api["template"])["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
    assert api["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in api  # `kubectl apply` would undo the autoscaler
    scaled = objects["HorizontalPodAutoscaler/api"]["spec"]
    assert scaled["minReplicas"] > objects["PodDisruptionBudget/api"]["spec"]["minAvailable"] >= 1
    assert scaled["maxReplicas"] * 9 < 60  # connections of Postgres' 100, of which Dagster's parts have 30
    for name in ("HorizontalPodAutoscaler/api", "PodDisruptionBudget/api"):
        spec = objects[name]["spec"]
        named = spec.get("scaleTargetRef", {}).get("name") or spec["selector"]["matchLabels"]["app.kubernetes.io/name"]
        assert named == "api"


def check_probes(objects: Objects, _: DagsterInstance) -> None:
    for one in objects.values():
        if one.get("kind") in {"Deployment", "StatefulSet"} and one["metadata"]["name"] != "pyzn":
            name, only = one["metadata"]["name"], container(one["spec"]["template"])
            served = {"readinessProbe"} if f"Service/{name}" in objects else set()
            for probe in {"startupProbe", "livenessProbe"} | served:
                assert only[probe]["timeoutSeconds"] >= 10, name
    # The emulator answers to its own name alone.
    assert objects["Deployment/bigquery"]["spec"]["template"]["spec"]["hostname"] == "bigquery"
    probe = container(objects["Deployment/bigquery"]["spec"]["template"])["livenessProbe"]
    assert probe["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "bigquery"}]


def check_postgres(objects: Objects, _: DagsterInstance) -> None:
    postgres = objects["StatefulSet/postgres"]["spec"]["template"]["spec"]
    assert postgres["securityContext"]["fsGroup"] == postgres["securityContext"]["runAsUser"]
    assert postgres["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert postgres["terminationGracePeriodSeconds"] >= 120


def check_secrets(objects: Objects, instance: DagsterInstance) -> None:
    """A password is given to no pod that does not use it."""
    given: dict[str, set[str]] = {}
    for name, template in templates(objects, instance).items():
        for source in container(template).get("envFrom", ()):
            if "secretRef" in source:
                given.setdefault(source["secretRef"]["name"], set()).add(name)
    assert given == {
        "pyzn": {"code", "run", "pyzn", "migrate"},
        "pyzn-dagster": {"code", "run", "pyzn", "migrate", "webserver", "daemon"},
        "pyzn-api": {"api", "pyzn", "migrate"},
        "pyzn-postgres": {"postgres", "databases"},
    }


def check_networks(objects: Objects, instance: DagsterInstance) -> None:
    """As in docker-compose.yml; everybody reaches the API, and nobody from outside anything else."""
    services = load(example_environment())["services"]
    labels = {name: template["metadata"]["labels"] for name, template in templates(objects, instance).items()}
    policies = [one["spec"] for one in objects.values() if one.get("kind") == "NetworkPolicy"]
    for target, port in LISTENS.items():
        for source in labels.keys() - {target}:
            network = services["code" if source == "run" else source]["networks"]
            shared = target == "api" or set(network) & set(services[target]["networks"])
            assert reaches(policies, labels.get(source), labels[target], port) == bool(shared), (source, target)
        assert reaches(policies, None, labels[target], port) == (target == "api"), target
    assert not reaches(policies, labels["api"], None, 443)
    assert reaches(policies, labels["run"], None, 443)


def reaches(
    policies: list[dict[str, Any]], source: dict[str, str] | None, target: dict[str, str] | None, port: int
) -> bool:
    """Return whether the policies let a pod of the labels `source` connect to one of `target`. None is elsewhere."""

    def allowed(own: dict[str, str] | None, other: dict[str, str] | None, kind: str, rules: str, peers: str) -> bool:
        about = [one for one in policies if own is not None and kind in one["policyTypes"] and selects(one, own)]
        return not about or any(
            ("ports" not in rule or port in {one["port"] for one in rule["ports"]})
            and (peers not in rule or (other is not None and any(selects(peer, other) for peer in rule[peers])))
            for policy in about
            for rule in policy.get(rules, ())
        )

    return allowed(source, target, "Egress", "egress", "to") and allowed(target, source, "Ingress", "ingress", "from")


def selects(holder: dict[str, Any], labels: dict[str, str]) -> bool:
    """Return whether a `podSelector` of labels, or of one NotIn, selects a pod."""
    selector = holder["podSelector"]
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        labels.get(one["key"]) not in one["values"] for one in selector.get("matchExpressions", ())
    )


POD = ("spec", "template", "spec")
ONLY = (*POD, "containers", 0)
RUN = ("run_launcher", "config", "run_k8s_config")
SELECTED = "app.kubernetes.io/name"

LINES: list[tuple[Check, str, tuple[str | int, ...]]] = [
    (check_confinement, "Namespace/pyzn", ("metadata", "labels", "pod-security.kubernetes.io/enforce")),
    *[(check_confinement, "Deployment/api", (*POD, *path)) for path in (
        ("securityContext", "runAsNonRoot"), ("securityContext", "runAsUser"), ("securityContext", "seccompProfile"),
        ("automountServiceAccountToken",), ("enableServiceLinks",),
    )],
    *[(check_confinement, "Deployment/code", (*ONLY, *path)) for path in (
        ("securityContext", "allowPrivilegeEscalation"), ("securityContext", "readOnlyRootFilesystem"),
        ("securityContext", "capabilities"), ("imagePullPolicy",), ("resources", "limits"), ("resources", "requests"),
    )],
    (check_confinement, "ServiceAccount/pyzn", ("automountServiceAccountToken",)),
    *[(check_confinement, "dagster.yaml", (*RUN, *path)) for path in (
        ("pod_spec_config", "automount_service_account_token"), ("pod_spec_config", "enable_service_links"),
        ("pod_spec_config", "security_context", "run_as_user"), ("container_config", "volume_mounts", 0),
        ("container_config", "security_context", "capabilities"), ("container_config", "resources"),
    )],
    *[(check_roles, "Role/pyzn-launcher", ("rules", rule)) for rule in range(5)],
    (check_roles, "Role/pyzn-launcher", ("rules", 2, "verbs", 0)),
    (check_roles, "Deployment/webserver", (*POD, "serviceAccountName")),
    *[(check_runs, "dagster.yaml", path) for path in (
        ("run_launcher", "config", "fail_pod_on_run_failure"), ("run_launcher", "config", "env_secrets", 0),
        ("run_launcher", "config", "env_config_maps"), ("run_launcher", "config", "service_account_name"),
        (*RUN, "pod_template_spec_metadata"), (*RUN, "container_config", "volume_mounts", 2),
        (*RUN, "pod_spec_config", "volumes", 2, "projected", "sources", 0),
    )],
    *[(check_dagster, "dagster.yaml", (key,)) for key in (
        "instance_class", "storage", "concurrency", "run_coordinator", "run_monitoring", "compute_logs", "retention",
        "telemetry", "nux",
    )],
    (check_dagster, "dagster.yaml", ("run_monitoring", "start_timeout_seconds")),
    (check_dagster, "Deployment/daemon", ("spec", "strategy")),
    (check_dagster, "Deployment/daemon", (*ONLY, "env", 0)),
    (check_dagster, "Deployment/webserver", (*ONLY, "volumeMounts")),
    (check_rolling, "Deployment/api", (*ONLY, "lifecycle")),
    (check_rolling, "Deployment/api", ("spec", "strategy", "rollingUpdate", "maxUnavailable")),
    (check_rolling, "HorizontalPodAutoscaler/api", ("spec", "minReplicas")),
    (check_rolling, "PodDisruptionBudget/api", ("spec", "minAvailable")),
    (check_rolling, "PodDisruptionBudget/api", ("spec", "selector")),
    *[(check_probes, f"Deployment/{name}", (*ONLY, probe)) for name, probe in (
        ("api", "startupProbe"), ("api", "readinessProbe"), ("webserver", "livenessProbe"), ("code", "readinessProbe"),
        ("daemon", "livenessProbe"),
    )],
    (check_probes, "Deployment/bigquery", (*POD, "hostname")),
    (check_probes, "Deployment/bigquery", (*ONLY, "livenessProbe", "httpGet", "httpHeaders")),
    (check_postgres, "StatefulSet/postgres", (*POD, "securityContext", "fsGroupChangePolicy")),
    (check_postgres, "StatefulSet/postgres", (*POD, "terminationGracePeriodSeconds")),
    *[(check_secrets, f"Deployment/{name}", (*ONLY, "envFrom", 1)) for name in ("code", "daemon")],
    *[(check_networks, f"NetworkPolicy/{name}", ("spec",)) for name in (
        "pipeline", "reading", "reading-postgres", "public",
    )],
    (check_networks, "NetworkPolicy/pipeline", ("spec", "ingress", 0, "from")),
    (check_networks, "NetworkPolicy/public", ("spec", "ingress", 0)),
]  # fmt: skip


@pytest.mark.parametrize("check", dict.fromkeys(check for check, _, _ in LINES), ids=lambda check: check.__name__)
def test_the_demo_passes(check: Check, instance: DagsterInstance) -> None:
    check(demo(), instance)


def test_the_overlay_for_production_passes_what_is_not_about_the_demo(
    instance: DagsterInstance, tmp_path: Path
) -> None:
    objects = production(tmp_path)
    for check in (check_confinement, check_roles, check_runs, check_dagster, check_rolling):
        check(objects, instance)


@pytest.mark.parametrize(("check", "name", "path"), LINES)
def test_a_line_that_is_taken_out_is_missed(
    check: Check, name: str, path: tuple[str | int, ...], instance: DagsterInstance
) -> None:
    objects = deepcopy(demo())
    holder: Any = objects[name]
    for step in path[:-1]:
        holder = holder[step]
    del holder[path[-1]]
    with pytest.raises((AssertionError, LookupError, TypeError, StopIteration)):
        check(objects, instance)


PAGE = (ROOT / "docs" / "kubernetes.md").read_text()


def test_the_pages_commands_are_shell_and_name_what_is_there() -> None:
    scripts = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    scripts.append((ROOT / "tests/deployment/cluster.sh").read_text())  # runs where there is a cluster
    for script in scripts:
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0, script
    named = set(re.findall(r"\b(deployment|statefulset|service|job)/(\w+)", "".join(scripts)))
    assert {("deployment", "pyzn"), ("job", "migrate")} <= named
    assert named <= {tuple(name.lower().split("/")) for name in demo() if "/" in name}
    assert f"Kubernetes {OLDEST} to {NEWEST}" in PAGE


def test_the_values_of_dagsters_chart_are_those_of_the_instance() -> None:
    found = re.search(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    values, ours = yaml.safe_load(found[1]), demo()["dagster.yaml"]
    daemon, monitoring = values["dagsterDaemon"], ours["run_monitoring"]
    assert daemon["runCoordinator"]["config"]["customRunCoordinator"] == ours["run_coordinator"]
    assert values["additionalInstanceConfig"] == {"concurrency": ours["concurrency"]}
    assert daemon["runMonitoring"] == {
        "enabled": True,
        "startTimeoutSeconds": monitoring["start_timeout_seconds"],
        "cancelTimeoutSeconds": monitoring["cancel_timeout_seconds"],
        "pollIntervalSeconds": monitoring["poll_interval_seconds"],
        "freeSlotsAfterRunEndSeconds": monitoring["free_slots_after_run_end_seconds"],
        "maxResumeRunAttempts": 0,
    }
    assert (
        daemon["env"].items()
        == {
            one["name"]: one["value"] for one in container(demo()["Deployment/daemon"]["spec"]["template"])["env"]
        }.items()
    )
    (code,) = values["dagster-user-deployments"]["deployments"]
    assert code["image"] == values["dagsterWebserver"]["image"] == daemon["image"]
    kept = values["retention"]
    assert {name: {"purge_after_days": kept[name]["purgeAfterDays"]} for name in ("schedule", "sensor")} == ours[
        "retention"
    ]
    run = ours["run_launcher"]["config"]["run_k8s_config"]["container_config"]["resources"]
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["resources"] == run
