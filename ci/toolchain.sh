# Sourced by setup.sh and lock.sh, from the root of the repository. POSIX sh.
# Relative paths throughout: the repository may lie under a path with spaces, commas or more than 107 bytes.

die() {
    printf 'aforo: %s\n' "$1" >&2
    exit 1
}

# Sets $python (the interpreter itself, not a shim in front of it) and $python_version, or ends with one line.
find_python() {
    wanted=${PYTHON:-python3}
    found=$(command -v "$wanted") || die "$wanted is not on the PATH; install Python 3.11 or newer"
    facts=$("$found" -ES -c 'import sys
print("%d.%d.%d %d %s" % (sys.version_info[:3] + (sys.version_info >= (3, 11), sys.executable)))') ||
        die "$found does not run; install Python 3.11 or newer"
    read -r python_version new_enough python <<FACTS
$facts
FACTS
    [ "$new_enough" = 1 ] ||
        die "Python 3.11 or newer is needed, but $found is $python_version; name another with: make PYTHON=python3.12"
}

has_pip() {
    "$python" -m pip --version >/dev/null 2>&1
}

has_ensurepip() {
    "$python" -c 'import ensurepip, venv' >/dev/null 2>&1
}

# What a user's own configuration may say about installing elsewhere does not hold for .tools and .venv.
# Where packages come from (index, mirror, certificates) is left to it.
steady_settings() {
    unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_REQUIRE_HASHES UV_TARGET UV_PREFIX UV_SYSTEM_PYTHON
    export PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
    export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
    # The machine's own certificates, as pip uses them: uv's built-in ones know no company's proxy.
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
}

# The user's cache if it is theirs and can be written; a folder of ours if not (no home, a read-only one, sudo).
choose_cache() {
    [ -z "${UV_CACHE_DIR:-}" ] || return 0
    theirs=${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}/uv
    existing=$theirs
    until [ -e "$existing" ]; do
        existing=$(dirname "$existing")
    done
    if [ -d "$existing" ] && [ -O "$existing" ] && mkdir -p "$theirs" 2>/dev/null && [ -w "$theirs" ]; then
        return 0
    fi
    export UV_CACHE_DIR="$PWD/.tools/cache" PIP_NO_CACHE_DIR=1
}

# Installs uv, as tools.lock pins it, into .tools. pip never replaces what an existing target holds, so it goes first.
install_uv() {
    rm -rf .tools &&
        "$python" -m pip install -qq --target .tools --only-binary :all: "$@" &&
        .tools/bin/uv --version >/dev/null
}
