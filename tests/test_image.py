"""Images are built once, and the formats around them: answers and the system call profile."""

from __future__ import annotations

import io
import json
import platform
import tarfile

import docker
import pytest

from skeldpo.sandbox.container import RunRequest, Sandbox
from skeldpo.sandbox.cores import sandbox_cores
from skeldpo.sandbox.image import ensure_image
from skeldpo.sandbox.seccomp import seccomp_profile


def test_seccomp_profile_allows_by_name_and_refuses_the_rest() -> None:
    profile = json.loads(seccomp_profile())
    allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    assert {"read", "execve", "clone", "socket"} <= allowed
    refused = "ptrace mount setns unshare keyctl bpf perf_event_open io_uring_setup mq_open shmget"
    assert not allowed & set(refused.split())


@pytest.mark.docker
def test_ensure_image_builds_once() -> None:
    first, second = ensure_image(), ensure_image()
    assert first == second
    assert first.python_version == platform.python_version()


@pytest.mark.docker
def test_image_with_numpy_runs_programs_that_use_it() -> None:
    image = ensure_image(numpy=True)
    assert image.digest != ensure_image().digest
    program = (
        "import numpy as np\ndef f(n):\n    table = np.arange(n) * 2\n"
        "    return [table.sum(), table[:2], table.mean(), np.linalg.det(np.eye(64))]"
    )
    request = RunRequest(
        language="python",
        kind="function",
        code=program,
        entry_point="f",
        input_texts=("[5]",),
        cpu_limit_s=5,
    )
    core = sandbox_cores()[-1]
    with Sandbox(image=image, core=core, memory_limit_bytes=1 << 28) as sandbox:
        for _ in range(2):
            report = sandbox.run(request)
            assert report.answer_texts == ("[20,[0,2],4.0,1.0]",), report
        assert report.total_cpu_time_ns < 50_000_000, "NumPy is imported once, not in each run"


@pytest.mark.docker
def test_ensure_image_adds_the_guest_to_a_named_image() -> None:
    name = "skeldpo-test-base:1"
    client = docker.from_env()
    base = client.images.get(ensure_image().reference)
    link = tarfile.TarInfo("usr/local/bin/python3")
    link.type, link.linkname = tarfile.SYMTYPE, base.attrs["Config"]["Entrypoint"][0]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        file.addfile(link)
    container = client.containers.create(base.id)
    built = ""
    try:
        container.put_archive("/", archive.getvalue())
        container.commit(repository=name.split(":")[0], tag="1", changes=["ENTRYPOINT []"])
        image = ensure_image(name)
        built = image.reference
        request = RunRequest(
            language="python",
            kind="stdio",
            code="print(6 * 7)",
            entry_point="",
            input_texts=("",),
            cpu_limit_s=5,
        )
        core = sandbox_cores()[-1]
        with Sandbox(image=image, core=core, memory_limit_bytes=1 << 28) as sandbox:
            assert sandbox.run(request).answer_texts == ("42\n",)
        assert image.python_version == platform.python_version()
    finally:
        container.remove(force=True)
        for reference in filter(None, (built, name)):
            client.images.remove(reference)
        client.close()


@pytest.mark.docker
def test_named_image_without_python3_is_a_runtime_error() -> None:
    with pytest.raises(RuntimeError, match="python3"):
        ensure_image(ensure_image().reference)


@pytest.mark.docker
def test_unknown_image_is_a_runtime_error_that_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match="measure.image"):
        ensure_image("localhost:1/no-such-image:none")
