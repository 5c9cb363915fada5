"""deploy/kubernetes without a cluster: valid for the oldest and newest Kubernetes, with what a real one asked for."""

import re
import shutil
import subprocess
from copy import deepcopy
from functools import cache
from typing import Any

import kubernetes_validate.utils
import pytest
import yaml
from dagster import DagsterInstance

from tests.deployment.compose import ROOT, example_environment, load, shell_blocks
from tests.deployment.kubernetes import Overlay, container, permissions, render

OLDEST, NEWEST = "1.33", "1.37"
LISTENS = {"postgres": 5432, "code": 4000, "webserver": 3000, "api": 5200, "bigquery": 9050}
LAUNCHERS = {"daemon", "webserver"}
CONFINED_POD = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
CONFINED_CONTAINER = {
    "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def overlays(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Overlay]:
    """Both overlays, rendered; that for production with a key file beside it."""
    folder = tmp_path_factory.mktemp("deploy")
    shutil.copytree(ROOT / "deploy", folder, dirs_exist_ok=True)
    (folder / "kubernetes" / "production" / "key.json").write_text("{}")
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        return {name: render(folder / "kubernetes" / name, instance) for name in ("demo", "production")}


@pytest.fixture
def demo(overlays: dict[str, Overlay]) -> Overlay:
    return overlays["demo"]


@pytest.fixture(params=["demo", "production"])
def overlay(request: pytest.FixtureRequest, overlays: dict[str, Overlay]) -> Overlay:
    return overlays[request.param]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_and_the_runs_job_are_valid(
    version: str, overlays: dict[str, Overlay], monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would read all definitions anew for each object.
    monkeypatch.setattr(kubernetes_validate.utils, "schema_contents", cache(kubernetes_validate.utils.schema_contents))
    demo, production = (each.objects for each in overlays.values())
    others = [one for name, one in production.items() if one != demo.get(name)]
    for one in [*demo.values(), *others, overlays["demo"].job]:
        kubernetes_validate.validate(one, version, strict=True)
    misspelt = deepcopy(demo["Deployment/api"])
    misspelt["spec"]["template"]["spec"]["terminationGracePeriod"] = 5
    with pytest.raises(kubernetes_validate.ValidationError, match="terminationGracePeriod"):
        kubernetes_validate.validate(misspelt, version, strict=True)


def test_every_pod_is_confined(overlay: Overlay) -> None:
    assert overlay.objects["Namespace/pyzn"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for name, template in overlay.pods.items():
        pod, only = template["spec"], container(template)
        assert pod["securityContext"].items() >= CONFINED_POD.items(), name
        assert pod["securityContext"]["runAsUser"] > 0, name  # the image names its user, and Kubernetes wants a number
        assert only["securityContext"].items() >= CONFINED_CONTAINER.items(), name
        assert "/tmp" in mounts(template), name  # noqa: S108  # a mount
        assert only["imagePullPolicy"] == "IfNotPresent", name
        assert pod["enableServiceLinks"] is False, name
        assert set(only["resources"]["requests"]) == {"cpu", "memory"}, name
        assert only["resources"]["limits"]["memory"], name
        account = overlay.objects.get(f"ServiceAccount/{pod.get('serviceAccountName')}", {})
        token = pod.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True))
        assert token == (name in LAUNCHERS), name


def mounts(template: dict[str, Any]) -> set[str]:
    """Return the paths that a pod has something mounted at."""
    return {mount["mountPath"] for mount in container(template).get("volumeMounts", ())}


def test_the_launchers_may_do_what_a_run_needs(overlay: Overlay) -> None:
    """The permissions that the launcher uses for a run from its start to its cancellation, and no more."""
    assert permissions(overlay.objects["Role/pyzn-launcher"]) == overlay.asked
    assert overlay.objects["RoleBinding/pyzn-launcher"]["subjects"][0]["name"] == "pyzn-launcher"
    accounts = {name: template["spec"].get("serviceAccountName") for name, template in overlay.pods.items()}
    assert {name for name, account in accounts.items() if account == "pyzn-launcher"} == LAUNCHERS


def test_a_run_is_as_the_code_location_and_is_never_retried(overlay: Overlay) -> None:
    assert overlay.job["spec"]["backoffLimit"] == 0  # the ledger asks again, nothing else
    assert overlay.job["spec"]["ttlSecondsAfterFinished"] > 3600
    run, code = overlay.pods["run"], overlay.pods["code"]
    assert '"set_exit_code_on_failure": true' in container(run)["args"][-1]
    assert run["metadata"]["annotations"]["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    assert run["spec"]["serviceAccountName"] == code["spec"]["serviceAccountName"]
    assert container(run)["image"] == container(code)["image"]
    assert container(run)["envFrom"] == container(code)["envFrom"]
    assert mounts(run) == mounts(code) - {"/dagster/dagster.yaml"}  # a run gets its instance with its arguments
    google = [next(volume for volume in one["spec"]["volumes"] if volume["name"] == "google") for one in (run, code)]
    assert google[0]["projected"]["sources"] == google[1]["projected"]["sources"]


def test_dagster_is_that_of_the_project(overlay: Overlay) -> None:
    """The instance is the project's dagster.yaml, but where Kubernetes differs."""
    written = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert overlay.dagster == written | {
        "run_launcher": overlay.dagster["run_launcher"],
        "run_monitoring": written["run_monitoring"] | {"start_timeout_seconds": 600},  # a node is made, an image pulled
        "compute_logs": {
            "module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager",
        },
    }  # fmt: skip
    assert overlay.objects["Deployment/daemon"]["spec"]["strategy"] == {"type": "Recreate"}
    assert "DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR" in {
        one["name"] for one in container(overlay.pods["daemon"])["env"]
    }
    for name in ("code", *LAUNCHERS):
        assert {"/dagster/dagster.yaml", "/dagster/storage"} <= mounts(overlay.pods[name]), name
    # `dagster instance migrate` would build the launcher, which wants a token of the cluster.
    migrate = overlay.pods["migrate"]
    assert "dagster instance migrate" in container(migrate)["command"][-1]
    assert "/dagster/dagster.yaml" not in mounts(migrate)


def test_the_api_is_rolled_and_scaled(overlay: Overlay) -> None:
    """The API answers while it is rolled, scaled, or its node is drained."""
    api = overlay.objects["Deployment/api"]["spec"]
    assert container(api["template"])["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
    assert api["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert "replicas" not in api  # `kubectl apply` would undo the autoscaler
    scaled = overlay.objects["HorizontalPodAutoscaler/api"]["spec"]
    assert scaled["minReplicas"] > overlay.objects["PodDisruptionBudget/api"]["spec"]["minAvailable"] >= 1
    assert scaled["maxReplicas"] * 9 < 60  # connections of Postgres' 100, of which Dagster's parts have 30
    for name in ("HorizontalPodAutoscaler/api", "PodDisruptionBudget/api"):
        spec = overlay.objects[name]["spec"]
        named = spec.get("scaleTargetRef", {}).get("name") or spec["selector"]["matchLabels"]["app.kubernetes.io/name"]
        assert named == "api"


def test_every_server_has_its_probes(demo: Overlay) -> None:
    for one in demo.objects.values():
        if one["kind"] in {"Deployment", "StatefulSet"} and one["metadata"]["name"] != "pyzn":
            name, only = one["metadata"]["name"], container(one["spec"]["template"])
            served = {"readinessProbe"} if f"Service/{name}" in demo.objects else set()
            for probe in {"startupProbe", "livenessProbe"} | served:
                assert only[probe]["timeoutSeconds"] >= 10, name
    # The emulator answers to its own name alone.
    assert demo.pods["bigquery"]["spec"]["hostname"] == "bigquery"
    probe = container(demo.pods["bigquery"])["livenessProbe"]
    assert probe["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "bigquery"}]


def test_postgres_keeps_its_volume_and_stops_properly(demo: Overlay) -> None:
    postgres = demo.pods["postgres"]["spec"]
    assert postgres["securityContext"]["fsGroup"] == postgres["securityContext"]["runAsUser"]
    assert postgres["securityContext"]["fsGroupChangePolicy"] == "OnRootMismatch"
    assert postgres["terminationGracePeriodSeconds"] >= 120


def test_a_password_is_given_to_no_pod_that_does_not_use_it(demo: Overlay) -> None:
    given: dict[str, set[str]] = {}
    for name, template in demo.pods.items():
        for source in container(template).get("envFrom", ()):
            if "secretRef" in source:
                given.setdefault(source["secretRef"]["name"], set()).add(name)
    assert given == {
        "pyzn": {"code", "run", "pyzn", "migrate"},
        "pyzn-dagster": {"code", "run", "pyzn", "migrate", "webserver", "daemon"},
        "pyzn-api": {"api", "pyzn", "migrate"},
        "pyzn-postgres": {"postgres", "databases"},
    }


def test_the_networks_are_those_of_compose(demo: Overlay) -> None:
    """Everybody reaches the API, and nobody from outside anything else."""
    services = load(example_environment())["services"]
    labels = {name: template["metadata"]["labels"] for name, template in demo.pods.items()}
    policies = [one["spec"] for one in demo.objects.values() if one["kind"] == "NetworkPolicy"]
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


PAGE = (ROOT / "docs" / "kubernetes.md").read_text()


def test_the_pages_commands_are_shell_and_name_what_is_there(demo: Overlay) -> None:
    scripts = [*shell_blocks(PAGE), (ROOT / "tests/deployment/cluster.sh").read_text()]  # which runs where a cluster is
    for script in scripts:
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0, script
    named = set(re.findall(r"\b(deployment|statefulset|service|job)/(\w+)", "".join(scripts)))
    assert {("deployment", "pyzn"), ("job", "migrate")} <= named
    assert named <= {tuple(name.lower().split("/")) for name in demo.objects}
    assert f"Kubernetes {OLDEST} to {NEWEST}" in PAGE


def test_the_values_of_dagsters_chart_are_those_of_the_instance(demo: Overlay) -> None:
    found = re.search(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    values, ours = yaml.safe_load(found[1]), demo.dagster
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
    assert daemon["env"] == {one["name"]: one["value"] for one in container(demo.pods["daemon"])["env"]}
    (code,) = values["dagster-user-deployments"]["deployments"]
    assert code["image"] == values["dagsterWebserver"]["image"] == daemon["image"]
    kept = values["retention"]
    assert {name: {"purge_after_days": kept[name]["purgeAfterDays"]} for name in ("schedule", "sensor")} == ours[
        "retention"
    ]
    run = ours["run_launcher"]["config"]["run_k8s_config"]["container_config"]["resources"]
    assert values["runLauncher"]["config"]["k8sRunLauncher"]["resources"] == run
