#!/bin/sh
# Makes .venv what requirements.lock says: nothing to do, or all of it anew.
set -eu
cd "$(dirname "$0")/.."
. ci/toolchain.sh

# Two makes at once: the second waits, then finds everything done.
if command -v flock >/dev/null 2>&1; then
    exec 9<ci/setup.sh
    flock 9 || :
fi

find_python

# The folder is part of it: a copied tree must not run the code of the tree it was copied from.
stamp=$("$python" -ES - <<'PYTHON'
import hashlib, os, sys

state = hashlib.sha256()
for name in ("requirements.lock", "tools.lock", "pyproject.toml", "ci/setup.sh", "ci/toolchain.sh"):
    with open(name, "rb") as file:
        state.update(file.read())
for fact in (sys.executable, sys.version, os.getcwd()):
    state.update(b"\0" + os.fsencode(fact))
print(state.hexdigest())
PYTHON
)
if [ -x .venv/bin/python ] && [ "$(cat .venv/stamp 2>/dev/null)" = "$stamp" ]; then
    exit 0
fi

has_pip || has_ensurepip ||
    die "$python has neither pip nor venv; install one (on Debian or Ubuntu: apt install python3-pip python3-venv)"

with_uv() {
    has_pip &&
        install_uv --require-hashes -r tools.lock &&
        .tools/bin/uv venv --quiet --python "$python" --no-python-downloads .venv &&
        .tools/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes --only-binary :all: \
            requirements.lock &&
        .tools/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
}

# The same lock. The venv gets no pip of its own where the interpreter's can install into it.
with_pip() {
    if has_pip; then
        "$python" -m venv --without-pip .venv && pip_into_venv "$python" -m pip --python .venv/bin/python
    else
        "$python" -m venv .venv && pip_into_venv .venv/bin/python -m pip
    fi
}

pip_into_venv() {
    "$@" install -qq --no-compile --no-deps --require-hashes --only-binary :all: -r requirements.lock &&
        "$@" install -qq --no-deps --no-build-isolation --editable .
}

steady_settings
choose_cache
begun=$(date +%s)
echo "Installing into .venv, once, for Python $python_version ..."
rm -rf .venv
case ${AFORO_INSTALLER:-uv} in
uv)
    with_uv || {
        echo "uv could not do it here; using pip alone with the same lock, which takes longer ..." >&2
        rm -rf .venv
        with_pip
    } || die "could not install the packages of requirements.lock; the reason is above"
    ;;
pip) with_pip || die "could not install the packages of requirements.lock; the reason is above" ;;
*) die "AFORO_INSTALLER is '$AFORO_INSTALLER'; it may be uv (the default) or pip" ;;
esac
.venv/bin/python -c 'import aforo' || die "installed, but aforo cannot be imported; the reason is above"
echo "$stamp" >.venv/stamp
echo "Installed in $(($(date +%s) - begun)) s."
