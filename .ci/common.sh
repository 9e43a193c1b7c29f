# What .ci/run and .ci/nightly share; read by them from the root of the repository.

export SKLEARN_DATAMAPS_DATA="${SKLEARN_DATAMAPS_DATA:-$PWD/../shared/data}"
export MPLBACKEND=agg HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 PIP_DISABLE_PIP_VERSION_CHECK=1
export DEBIAN_FRONTEND=noninteractive
work="$(mktemp -d)"
trap clean_up EXIT

step() { printf '\n== %s ==\n' "$*"; }

# Runs a command in the environment of that name.
within() { PATH="$work/$1/bin:$PATH" "${@:2}"; }

# Runs a command beside what follows; the next "join" waits for it, shows what it
# printed in one piece, and fails if it failed.
meanwhile_pid=
meanwhile() {
    meanwhile_what="$1"
    : >"$work/meanwhile.log"
    # A process group of its own, so that what it has started can be ended with it.
    set -m
    (set -e; "${@:2}") >"$work/meanwhile.log" 2>&1 </dev/null &
    meanwhile_pid=$!
    set +m
}

join() {
    local status=0
    wait "$meanwhile_pid" || status=$?
    meanwhile_pid=
    step "$meanwhile_what (meanwhile)"
    cat "$work/meanwhile.log"
    return "$status"
}

# Ends what still runs when something else has failed, and shows it.
clean_up() {
    # Not in a process that was ended before it had forgotten the trap.
    [ "$BASHPID" = "$$" ] || return 0
    if [ -n "$meanwhile_pid" ]; then
        kill -- "-$meanwhile_pid" 2>/dev/null || true
        wait "$meanwhile_pid" 2>/dev/null || true
        step "$meanwhile_what (meanwhile, ended)"
        cat "$work/meanwhile.log"
    fi
    rm -rf "$work"
}

# Other released Pythons that the package allows, one of each version: those of pyenv,
# whose names on the PATH work in chosen folders only, and those on the PATH.
other_pythons() {
    local known python version
    known=" $(python3 -c "$version_if_allowed") "
    for python in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python $(compgen -c python3.); do
        version="$("$python" -c "$version_if_allowed" 2>/dev/null)" || continue
        [[ -z "$version" || "$known" == *" $version "* ]] && continue
        known+="$version "
        printf '%s\n' "$python"
    done
}
version_if_allowed='
import sys
v = sys.version_info
if v >= (3, 11) and v.releaselevel == "final":
    print(f"{v.major}.{v.minor}")
'

install_browser() {
    if ! command -v chromedriver >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "browser for the tests of the explorer"
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null
    fi
}

install_newest() {
    step "newest versions: install as the README says"
    python3 -m venv "$work/newest"
    within newest python -m pip install --quiet -e ".[test]"
}

install_lowest() {
    python3 -m venv "$work/lowest"
    within lowest python -m pip install --quiet -c .ci/lowest.txt -e ".[dask,excel]" plotly pytest pytest-xdist hypothesis psutil
}

install_docs() {
    python3 -m venv "$work/docs"
    within docs python -m pip install --quiet -e ".[docs]"
}
