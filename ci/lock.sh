#!/bin/sh
# Writes requirements.lock and tools.lock from pyproject.toml: every file of every version by its hash, for every
# platform and Python >= 3.11, and no word of where the packages come from. Pins stay as they are unless
# pyproject.toml rules them out; `make lock UPGRADE=1` takes the newest of everything.
set -eu
cd "$(dirname "$0")/.."
. ci/toolchain.sh

find_python
has_pip || die "$python has no pip, which make lock needs (on Debian or Ubuntu: apt install python3-pip)"
steady_settings
choose_cache
if ! .tools/bin/uv --version >/dev/null 2>&1; then
    if [ -s tools.lock ]; then
        install_uv --require-hashes -r tools.lock
    else
        install_uv uv
    fi
fi

# A mirror or a folder of wheels on this machine must not decide what is pinned.
unset UV_DEFAULT_INDEX UV_INDEX UV_INDEX_URL UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_NO_INDEX UV_CONFIG_FILE UV_CONSTRAINT
unset UV_OVERRIDE UV_EXCLUDE_NEWER UV_PRERELEASE UV_RESOLUTION PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS

# usage: lock FILE SOURCE...
lock() {
    file=$1
    shift
    .tools/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate ${UPGRADE:+--upgrade} \
        --output-file "$file" "$@"
}

lock tools.lock --group tools
lock requirements.lock pyproject.toml --group dev

# A package without a wheel would be built at set-up from build tools that no hash covers.
for machine in x86_64 aarch64; do
    for version in 3.11 3.12 3.13; do
        .tools/bin/uv pip install --quiet --no-config --dry-run --no-deps --target .tools/dry-run --require-hashes \
            --only-binary :all: --python-platform "$machine-manylinux_2_28" --python-version "$version" \
            -r requirements.lock || die "requirements.lock has no wheels for Python $version on Linux $machine"
    done
done
echo "requirements.lock: $(grep -c '==' requirements.lock) packages; tools.lock: $(grep -c '==' tools.lock)"
