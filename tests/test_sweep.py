"""What processes that are gone left on a node: images of other versions, temporary folders."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from skeldpo.sandbox.connect import connect
from skeldpo.sandbox.image import REPOSITORY, ensure_image
from skeldpo.sandbox.runtime import ListedImage, RuntimeFailure
from skeldpo.sandbox.sweep import IMAGE_KEPT_S, mark_image, sweep_stale_images
from skeldpo.storage.scratch import scratch_folder, sweep_scratch

KILLED = """
import os
from skeldpo.storage.scratch import scratch_folder
with scratch_folder() as folder:
    print(folder, flush=True)
    os._exit(9)
"""


class Images:
    """The images of a runtime, with the ages they are given: a real one has none that are old."""

    def __init__(self, ages_s: dict[str, float], used: str) -> None:
        self.made_s = {name: time.time() - age_s for name, age_s in ages_s.items()}
        self.used = used

    def list_images(self, repository: str) -> list[ListedImage]:
        return [ListedImage(reference=n, made_s=at) for n, at in self.made_s.items()]

    def remove_image(self, reference: str) -> None:
        if reference == self.used:
            raise RuntimeFailure("409: a container uses it")
        del self.made_s[reference]


def test_old_images_go_unless_they_are_used_or_were_asked_for(tmp_path: Path) -> None:
    old = 2 * IMAGE_KEPT_S
    ages_s = {"r:current": old, "r:made-now": 60, "r:used": old, "r:stale": old, "r:forgotten": old}
    images = Images(ages_s, used="r:used")
    mark_image(tmp_path, "r:current")
    mark_image(tmp_path, "r:forgotten")
    (forgotten,) = tmp_path.glob("*forgotten*")
    os.utime(forgotten, (1, 1))
    assert sweep_stale_images(images, "r", tmp_path) == 2  # type: ignore[arg-type]
    assert set(images.made_s) == {"r:current", "r:made-now", "r:used"}
    assert not forgotten.exists()


@pytest.mark.docker
def test_images_that_were_made_here_are_listed_and_those_in_use_are_not_removed() -> None:
    image = ensure_image()
    runtime = connect(image.engine)
    listed = {each.reference: each.made_s for each in runtime.list_images(REPOSITORY)}
    assert 0 < listed[image.reference] <= time.time() + 60
    assert all(REPOSITORY in reference for reference in listed)
    with pytest.raises(RuntimeFailure):
        runtime.remove_image(f"{REPOSITORY}:none")
    assert runtime.list_images("skeldpo-nothing") == []
    runtime.close()


def test_temporary_folders_of_dead_processes_go_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], stdout=subprocess.PIPE, text=True, env=environment,
        check=False, timeout=60,
    )  # fmt: skip
    left = Path(killed.stdout.strip())
    assert killed.returncode == 9 and left.parent == tmp_path and left.is_dir()
    (tmp_path / "skeldpo-scratch-0123abcd-1-1-of_another_node").mkdir()
    (tmp_path / "somebody").mkdir()
    with scratch_folder() as own:
        assert sweep_scratch() == 1
        assert not left.exists() and Path(own).is_dir()
    assert {path.name for path in tmp_path.iterdir()} == {
        "skeldpo-scratch-0123abcd-1-1-of_another_node",
        "somebody",
    }
