#!/usr/bin/env bash
# A Ray cluster of one node on this machine, to which jobs are submitted as to a large one.
#
#   bash cluster/local_head.sh start     (or nothing)
#   bash cluster/local_head.sh stop      stops this head and what it started, no other Ray
#   ray job submit --address http://127.0.0.1:8265 --working-dir . -- \
#       python -m jobs.run --config jobs/configs/quickstart.toml
#
# Jobs keep their runs in this clone (SKELDPO_HOME), not in the copy that Ray makes of it. The head
# asks for no token, so that the line above is enough: whoever reaches this machine's ports can run
# code here. On a network that is not yours set RAY_AUTH_MODE=token, for this script and for clients.
# Settings: RAY_PORT (6379), DASHBOARD_PORT (8265), AGENT_PORT (52365), CLIENT_PORT (10001),
# RAY_DIR (/tmp/ray), NUM_CPUS (all cores), SKELDPO_SANDBOX_CORES (cores that time programs: "1,4-7").
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

RAY_PORT=${RAY_PORT:-6379}
DASHBOARD_PORT=${DASHBOARD_PORT:-8265}
AGENT_PORT=${AGENT_PORT:-52365}
CLIENT_PORT=${CLIENT_PORT:-10001}
RAY_DIR=${RAY_DIR:-/tmp/ray}
NUM_CPUS=${NUM_CPUS:-$(nproc)}
STATE=.cache/local_head_$RAY_PORT
START_WAIT_S=120
STOP_WAIT_S=100 # Ray drains a node for up to 30 s when it is told to end

die() {
    printf 'local_head: %s\n' "$@" >&2
    exit 1
}

head_pid() { # the recorded process, if it still is the one that was recorded
    local pid started
    [[ -f "$STATE.pid" ]] || return 1
    read -r pid started <"$STATE.pid"
    [[ "$(started_at "$pid")" == "$started" ]] || return 1
    echo "$pid"
}

started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

dashboard_answers() { # any HTTP answer counts: with tokens it is a refusal
    curl --silent --max-time 3 "http://127.0.0.1:$DASHBOARD_PORT/api/version" >/dev/null 2>&1
}

node_answers() {
    curl --silent --max-time 3 "http://127.0.0.1:$AGENT_PORT/api/healthz" >/dev/null 2>&1
}

start_head() {
    [[ -x .venv/bin/ray ]] || die "there is no .venv/bin/ray; run: make setup"
    if head_pid >/dev/null; then
        echo "local_head: already running, dashboard at http://127.0.0.1:$DASHBOARD_PORT"
        return
    fi
    ! dashboard_answers || die "another Ray dashboard answers on port $DASHBOARD_PORT." \
        "Stop it, or choose other ports: RAY_PORT=6380 DASHBOARD_PORT=8266 AGENT_PORT=52366 CLIENT_PORT=10002"
    mkdir -p .cache

    # Drivers and workers inherit this environment: `python` must be the clone's.
    export PATH="$PWD/.venv/bin:$PATH" VIRTUAL_ENV="$PWD/.venv"
    export SKELDPO_HOME="$PWD"
    export RAY_USAGE_STATS_ENABLED=${RAY_USAGE_STATS_ENABLED:-0}
    # With the mode unset, Ray takes or leaves tokens by whether ~/.ray/auth_token happens to exist.
    export RAY_AUTH_MODE=${RAY_AUTH_MODE:-disabled}
    [[ "$RAY_AUTH_MODE" != token ]] || ray get-auth-token --generate >/dev/null

    local num_sandbox_cores
    num_sandbox_cores="$(python -c \
        'from skeldpo.sandbox.cores import sandbox_cores; print(len(sandbox_cores()))')" ||
        die "skeldpo.sandbox.cores cannot say which cores time programs (above)"
    setsid ray start --head --block --node-ip-address=127.0.0.1 --port="$RAY_PORT" \
        --dashboard-host=127.0.0.1 --dashboard-port="$DASHBOARD_PORT" \
        --dashboard-agent-listen-port="$AGENT_PORT" --ray-client-server-port="$CLIENT_PORT" \
        --min-worker-port=0 --max-worker-port=0 \
        --temp-dir="$RAY_DIR" --num-cpus="$NUM_CPUS" \
        --resources="{\"sandbox_core\": $num_sandbox_cores}" \
        >"$STATE.log" 2>&1 </dev/null &
    echo "$! $(started_at $!)" >"$STATE.pid"

    local i
    for ((i = 0; i < START_WAIT_S * 2; i++)); do
        if dashboard_answers && node_answers; then
            echo "local_head: $NUM_CPUS CPUs, $num_sandbox_cores of them for sandboxes;" \
                "dashboard at http://127.0.0.1:$DASHBOARD_PORT, authentication $RAY_AUTH_MODE"
            return
        fi
        head_pid >/dev/null || break
        sleep 0.5
    done
    tail -15 "$STATE.log" >&2
    stop_head
    die "the head ended, or did not answer within $START_WAIT_S s (above; all of it: $STATE.log)"
}

stop_head() {
    local pid i
    if ! pid="$(head_pid)"; then
        rm -f "$STATE.pid"
        echo "local_head: not running"
        return
    fi
    # `ray start --block` ends the processes of its node when it is asked to end.
    kill -TERM "$pid"
    for ((i = 0; i < STOP_WAIT_S * 5; i++)); do
        if ! head_pid >/dev/null; then
            rm -f "$STATE.pid"
            echo "local_head: stopped"
            return
        fi
        sleep 0.2
    done
    die "process $pid did not end within $STOP_WAIT_S s; see $STATE.log"
}

case "${1:-start}" in
start) start_head ;;
stop) stop_head ;;
*) die "unknown command '$1'; expected start or stop" ;;
esac
