#!/usr/bin/env bash
# Sets this clone up: .venv with the locked packages, and a Docker engine that answers. For root on
# Debian, Podman and Chromium too, so that the tests see both container engines, and the pages as a
# browser shows them; nothing else needs these.
#
#   bash cluster/setup.sh            all
#   bash cluster/setup.sh python     only .venv
#   bash cluster/setup.sh engine     only the Docker engine
#   bash cluster/setup.sh podman     only Podman
#   bash cluster/setup.sh browser    only Chromium
#
# Run it again at any time: what is done is skipped. Settings, all optional:
#   PYTHON       interpreter to build .venv from (3.11 to 3.13)
#   SKELDPO_GPU  1 or 0: the CUDA or the CPU packages; default: CUDA if nvidia-smi lists a GPU
#   TORCH_INDEX  package index with a CPU build of torch; default: PyTorch's own, and only when
#                pip's configured sources have none
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

UV_VERSION=0.13.9
PYTORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
STAMP=.venv/setup.stamp
ENGINE_LOG=${SKELDPO_ENGINE_LOG:-/var/log/skeldpo-dockerd.log}
ENGINE_WAIT_S=60

say() { echo "setup: $*"; }
die() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}
is_root() { [[ "$(id -u)" == 0 ]]; }

apt_install() { # apt_install WHY PACKAGE...
    local why=$1
    shift
    is_root || die "$why. Run this once, then run setup again:" \
        "  sudo apt-get update && sudo apt-get install -y $*"
    command -v apt-get >/dev/null ||
        die "$why, and there is no apt-get here. Install what Debian calls: $*"
    say "installing $* ($why)"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return
    apt-get update -qq >/dev/null
    apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        die "apt-get could not install: $*"
}

# ---------------------------------------------------------------------------- Python

has_gpu() {
    [[ -n "${SKELDPO_GPU:-}" ]] && { [[ "$SKELDPO_GPU" == 1 ]]; return; }
    command -v nvidia-smi >/dev/null && nvidia-smi --list-gpus 2>/dev/null | grep -q '^GPU'
}

is_supported() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

find_python() {
    local name
    for name in ${PYTHON:-python3.11 python3 python3.12 python3.13}; do
        is_supported "$name" && command -v "$name" && return
    done
    die "needs Python 3.11, 3.12 or 3.13; found ${PYTHON:-$(python3 --version 2>&1 || true)}." \
        "Install one (Debian 12: apt-get install python3.11) or set PYTHON=/path/to/python3.11"
}

want_stamp() {
    cat "cluster/locks/$1.lock" cluster/setup.sh | sha256sum | cut -c1-16
    pwd
}

make_venv() {
    local python=$1
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "$python has no venv module" "$(basename "$(readlink -f "$python")")-venv"
    fi
    say "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
}

install_cpu_torch() {
    # The public index has only the CUDA build for x86-64, which cannot be imported without the
    # CUDA libraries that this lock leaves out. The local version "+cpu" never matches that build.
    local torch=$1+cpu extra=()
    [[ -z "${TORCH_INDEX:-}" ]] || extra=(--extra-index-url "$TORCH_INDEX")
    local pip=(.venv/bin/pip install --quiet --no-deps --no-compile --disable-pip-version-check)
    "${pip[@]}" "${extra[@]}" "$torch" 2>.venv/torch.log && return
    say "pip's sources have no $torch; trying ${TORCH_INDEX:-$PYTORCH_CPU_INDEX}"
    "${pip[@]}" --index-url "${TORCH_INDEX:-$PYTORCH_CPU_INDEX}" "$torch" 2>>.venv/torch.log ||
        die "no CPU build of torch could be installed ($(tail -1 .venv/torch.log))." \
            "Point TORCH_INDEX at an index that has $torch, or download that wheel and run:" \
            "  PIP_FIND_LINKS=/folder/with/the/wheel make setup"
}

install_packages() {
    local lock=cluster/locks/$1.lock index
    .venv/bin/pip install --quiet --disable-pip-version-check "uv==$UV_VERSION" 2>/dev/null ||
        die "pip could not install uv==$UV_VERSION; is a package index reachable? Try:" \
            "  .venv/bin/pip install uv==$UV_VERSION"
    [[ "$1" == cuda ]] || install_cpu_torch "$(grep '^torch==' "$lock")"
    # uv is several times quicker than pip here, but does not read pip's configuration.
    index="$(.venv/bin/pip config get global.index-url 2>/dev/null || true)"
    index="${PIP_INDEX_URL:-$index}"
    [[ -z "$index" ]] || export UV_DEFAULT_INDEX="$index"
    export UV_SYSTEM_CERTS=true UV_LINK_MODE=copy
    say "installing $(grep -c '==' "$lock") packages of $lock"
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --requirement "$lock"
    .venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation \
        --editable .
}

verify_packages() {
    local probe='import torch, skeldpo.pipeline, skeldpo.train.trainer'
    if [[ "$1" == cpu ]]; then
        probe+=', vllm.v1.engine.llm_engine, vllm.model_executor.models.qwen2'
    elif command -v nvidia-smi >/dev/null; then # not while an image is built
        probe+=', vllm; assert torch.cuda.is_available(), "no GPU: is the NVIDIA driver too old?"'
    fi
    # Every process of a run imports these again: three times quicker once they are compiled.
    env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -W ignore -c "$probe" >.venv/verify.log 2>&1 || {
        tail -5 .venv/verify.log >&2
        die "the packages are installed but do not import (above; all of it: .venv/verify.log)." \
            "Another torch got in? Expected $(grep '^torch==' "cluster/locks/$1.lock") for $1," \
            "found: $(.venv/bin/pip list 2>/dev/null | grep -E '^torch' | tr -s ' ' | tr '\n' ' ')" \
            "Start over with: make clean setup"
    }
}

setup_python() {
    local kind=cpu
    has_gpu && kind=cuda
    if [[ -f "$STAMP" && "$(cat "$STAMP")" == "$(want_stamp $kind)" ]]; then
        return
    fi
    [[ "$(uname -sm)" == "Linux x86_64" ]] ||
        die "the locks are for x86-64 Linux, this is $(uname -sm). Use such a machine or container."
    local python
    python="$(find_python)"
    command -v g++ >/dev/null || apt_install "vLLM compiles kernels and needs a C++ compiler" g++
    make_venv "$python"
    install_packages $kind
    say "importing torch, vllm and ray (the first time takes a while)"
    verify_packages $kind
    want_stamp $kind >"$STAMP"
    say ".venv is ready ($kind)"
}

# ---------------------------------------------------------------------------- Docker engine

engine_answers() {
    local host=${DOCKER_HOST:-unix:///var/run/docker.sock}
    if [[ "$host" == unix://* ]]; then
        [[ "$(curl --silent --max-time 5 --unix-socket "${host#unix://}" http://engine/_ping \
            2>/dev/null || true)" == OK ]]
    else
        docker info >/dev/null 2>&1
    fi
}

# In a container with cgroup v2, the processes must leave the root group before its controllers
# (memory, cpuset, pids) can be handed on to the engine's containers.
delegate_cgroups() {
    local root=/sys/fs/cgroup
    # The root group of a real host has no cgroup.type; cgroup v1 has neither file.
    [[ -f $root/cgroup.type && -w $root/cgroup.subtree_control ]] || return 0
    mkdir -p $root/init
    local pid
    while read -r pid; do # one that ended meanwhile is no harm
        echo "$pid" >$root/init/cgroup.procs 2>/dev/null || true
    done <$root/cgroup.procs
    sed -e 's/ / +/g' -e 's/^/+/' $root/cgroup.controllers >$root/cgroup.subtree_control
}

start_engine() {
    if [[ -d /run/systemd/system ]]; then
        systemctl enable --now docker
    else
        say "starting dockerd (log: $ENGINE_LOG)"
        delegate_cgroups
        setsid --fork dockerd >>"$ENGINE_LOG" 2>&1 </dev/null
    fi
}

setup_engine() {
    command -v curl >/dev/null || apt_install "setup asks the engine with curl" curl
    engine_answers && return
    [[ -z "${DOCKER_HOST:-}" ]] ||
        die "DOCKER_HOST is $DOCKER_HOST, and no engine answers there. Start it, or unset it."
    if ! is_root; then
        local user
        user="$(id -un)"
        if command -v dockerd >/dev/null; then
            die "the Docker engine does not answer, or $user may not use it. Run:" \
                "  sudo bash cluster/setup.sh engine && sudo usermod -aG docker $user" \
                "then log in again and run setup again."
        fi
        die "there is no Docker engine. Run:" \
            "  sudo apt-get update && sudo apt-get install -y docker.io" \
            "  sudo bash cluster/setup.sh engine && sudo usermod -aG docker $user" \
            "then log in again and run setup again."
    fi
    # A docker client alone is not enough: the engine is the dockerd program.
    command -v dockerd >/dev/null || apt_install "there is no Docker engine" docker.io iptables
    engine_answers || start_engine
    local i
    for ((i = 0; i < ENGINE_WAIT_S * 5; i++)); do
        engine_answers && { say "the Docker engine answers"; return; }
        sleep 0.2
    done
    [[ ! -f "$ENGINE_LOG" ]] || tail -5 "$ENGINE_LOG" >&2
    die "the Docker engine did not answer within $ENGINE_WAIT_S s; its log is $ENGINE_LOG" \
        "(with systemd: journalctl -u docker). In a container it needs --privileged."
}

# ---------------------------------------------------------------------------- Podman

# Its service is started when it is needed (skeldpo/sandbox/podman.py).
setup_podman() {
    command -v podman >/dev/null && return
    is_root && command -v apt-get >/dev/null || return 0
    say "installing podman (the second container engine, for tests)"
    DEBIAN_FRONTEND=noninteractive timeout 120 \
        apt-get install -y -qq --no-install-recommends podman >/dev/null 2>&1 ||
        say "podman could not be installed; its tests are skipped"
}

# ---------------------------------------------------------------------------- Browser

setup_browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        ! command -v $name >/dev/null || return 0
    done
    is_root && command -v apt-get >/dev/null || return 0
    say "installing chromium (tests look at pages in it)"
    local install=(apt-get install -y -qq --no-install-recommends chromium)
    export DEBIAN_FRONTEND=noninteractive
    timeout 300 "${install[@]}" >/dev/null 2>&1 && return
    timeout 120 apt-get update -qq >/dev/null 2>&1 || true
    timeout 300 "${install[@]}" >/dev/null 2>&1 ||
        say "chromium could not be installed; its tests are skipped, and fail where CI is set"
}

case "${1:-all}" in
all)
    setup_python
    setup_engine
    setup_podman
    setup_browser
    ;;
python) setup_python ;;
engine) setup_engine ;;
podman) setup_podman ;;
browser) setup_browser ;;
*) die "unknown part '$1'; expected nothing, python, engine, podman or browser" ;;
esac
