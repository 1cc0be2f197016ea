"""deploy/kubernetes: parsed, cross-checked, built with kustomize, and validated against Kubernetes' schemas."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from pages import ROOT

from a3c64.arguments import USES
from a3c64.config import Settings, load, variable
from a3c64.paramserver.run_keys import SECRET, RunKeys
from a3c64.paramserver.service import MAX_WORKERS

FOLDER = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "kustomization.yaml")
RESOURCES = [one for path in FILES for one in yaml.safe_load_all(path.read_text())]
WITH_PODS = ("StatefulSet", "Deployment")
VERSIONS = ("1.25", "1.31", "1.37")  # of Kubernetes
PODS = {one["metadata"]["name"]: one["spec"]["template"] for one in RESOURCES if one["kind"] in WITH_PODS}


def container(pod):
    (one,) = pod["spec"]["containers"]
    return one


def test_every_file_is_listed_and_the_example_is_not_applied():
    assert set(KUSTOMIZATION["resources"]) | {"autoscaler.yaml"} == {path.name for path in FILES}
    assert "autoscaler.yaml" not in KUSTOMIZATION["resources"]
    kinds = {one["kind"] for one in RESOURCES}
    assert kinds >= {"StatefulSet", "Deployment", "PodDisruptionBudget", "NetworkPolicy", "HorizontalPodAutoscaler"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_sets_known_settings_and_has_only_what_it_needs(name):
    one, pod = container(PODS[name]), PODS[name]["spec"]
    program, command = one["args"]
    assert program == "a3c64"
    given = {entry["name"]: entry["value"] for entry in one["env"]}
    names = {variable(field): field for field in Settings.model_fields}
    assert {names[key] for key in given} <= USES[command]
    load({names[key]: value for key, value in given.items()})
    assert one["image"] in {image["name"] for image in KUSTOMIZATION["images"]}
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["automountServiceAccountToken"] is False
    assert one["securityContext"]["readOnlyRootFilesystem"]
    assert one["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert one["resources"]["requests"].keys() == {"cpu", "memory"}
    assert "readinessProbe" in one
    mounted = {mount["name"]: mount["mountPath"] for mount in one["volumeMounts"]}
    secrets = {volume["name"]: volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume}
    (volume,) = secrets
    made = {secret["name"]: secret["files"] for secret in KUSTOMIZATION["secretGenerator"]}
    files = {file.partition("=")[0] for file in made[secrets[volume]]}
    assert Path(given["A3C64_KEY_FILE"]) == Path(mounted[volume]) / "client"
    assert files == ({"client", SECRET} if command == "server" else {"client"}), "only the server has its secret key"


def test_settings_of_the_run_are_the_servers():
    (run,) = KUSTOMIZATION["configMapGenerator"]
    names = {variable(field): field for field in Settings.model_fields}
    for literal in run["literals"]:
        name, _, value = literal.partition("=")
        assert names[name] in USES["server"]
        load({names[name]: value})


def test_selectors_find_pods_and_clients_reach_the_servers_port():
    labels = {name: pod["metadata"]["labels"] for name, pod in PODS.items()}

    def found(selector):
        return {name for name, own in labels.items() if selector["matchLabels"].items() <= own.items()}

    by_name = {(one["kind"], one["metadata"]["name"]): one for one in RESOURCES}
    for name in PODS:
        one = by_name.get(("StatefulSet", name)) or by_name["Deployment", name]
        assert found(one["spec"]["selector"]) == {name}
    for (kind, name), one in by_name.items():
        if kind == "PodDisruptionBudget":
            assert found(one["spec"]["selector"]) == {name}
        if kind == "HorizontalPodAutoscaler":
            assert one["spec"]["scaleTargetRef"]["name"] in PODS
    service = by_name["Service", "paramserver"]
    assert found({"matchLabels": service["spec"]["selector"]}) == {"paramserver"}
    ports = {port["port"] for port in service["spec"]["ports"]}
    assert ports == {port["containerPort"] for port in container(PODS["paramserver"])["ports"]}
    clients = by_name["NetworkPolicy", "client"]["spec"]
    assert found(clients["podSelector"]) == PODS.keys() - {"paramserver"}
    server_rule, _ = clients["egress"]
    assert found(server_rule["to"][0]["podSelector"]) == {"paramserver"}
    for name in PODS.keys() - {"paramserver"}:
        (address,) = [one["value"] for one in container(PODS[name])["env"] if one["name"] == "A3C64_SERVER"]
        assert address == f"tcp://paramserver:{server_rule['ports'][0]['port']}"
    (from_clients, _) = by_name["NetworkPolicy", "paramserver"]["spec"]["ingress"]
    assert found(from_clients["from"][0]["podSelector"]) == PODS.keys() - {"paramserver"}


def test_nodes_may_be_drained_and_spot_nodes_are_used_by_workers_only():
    by_name = {(one["kind"], one["metadata"]["name"]): one.get("spec") for one in RESOURCES}
    assert by_name["PodDisruptionBudget", "paramserver"]["maxUnavailable"] == 0, "the run has one server"
    assert by_name["PodDisruptionBudget", "worker"]["maxUnavailable"] == "50%"
    spot = {one["key"] for one in PODS["worker"]["spec"]["tolerations"]}
    assert spot == {"cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority"}, "others taint no spot nodes"
    assert [name for name, pod in PODS.items() if "tolerations" in pod["spec"]] == ["worker"]
    server = container(PODS["paramserver"])
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= server.keys()
    assert server["livenessProbe"]["exec"]["command"] == ["a3c64", "status"]


def test_the_example_of_an_autoscaler_scales_the_workers_by_their_requested_cpu():
    (scaler,) = [one["spec"] for one in RESOURCES if one["kind"] == "HorizontalPodAutoscaler"]
    (scaled,) = [
        one
        for one in RESOURCES
        if (one["kind"], one["metadata"]["name"])
        == (scaler["scaleTargetRef"]["kind"], scaler["scaleTargetRef"]["name"])
    ]
    assert scaled["metadata"]["name"] == "worker"
    assert scaler["minReplicas"] <= scaled["spec"]["replicas"] <= scaler["maxReplicas"] <= MAX_WORKERS
    (metric,) = scaler["metrics"]
    assert metric["resource"]["name"] in container(scaled["spec"]["template"])["resources"]["requests"]


def needed(found, message):
    """Skip the test if a tool is missing; in CI, fail."""
    if not found:
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def validated(resources):
    needed(
        importlib.util.find_spec("kubernetes_validate"), "kubernetes-validate is not installed: run `make .venv/dev`"
    )
    import kubernetes_validate

    for resource in resources:
        for version in VERSIONS:
            kubernetes_validate.validate(resource, version, strict=True)


def test_the_resources_fit_kubernetes_schemas():
    validated(RESOURCES)
    wrong = {**RESOURCES[0], "metadata": {"name": 1}}
    with pytest.raises(Exception, match="1 is not of type"):
        validated([wrong])


def test_kustomize_builds_the_folder(tmp_path):
    needed(shutil.which("kubectl"), "kubectl is not installed: it is in the Debian package kubernetes-client")
    copy = tmp_path / "kubernetes"
    shutil.copytree(FOLDER, copy)
    RunKeys(copy, copy / "keys" / "client").write()
    built = subprocess.run(["kubectl", "kustomize", copy], capture_output=True, text=True, timeout=120, check=False)
    assert built.returncode == 0, built.stderr
    resources = list(yaml.safe_load_all(built.stdout))
    assert {one["kind"] for one in resources} >= {"Secret", "ConfigMap", "StatefulSet", "Deployment"}
    assert {one["metadata"]["namespace"] for one in resources if one["kind"] != "Namespace"} == {"a3c64"}
    validated(resources)
