#!/bin/sh
# Fuzzes every decoder of the DLMS core, and the SOAP door, one after the other: ci/fuzz.sh [RUNS [NAME...]]. atheris
# lives in .fuzz, a folder of its own, and is needed for nothing else; the SOAP door needs what .venv has as well.
set -eu
cd "$(dirname "$0")/.."
runs=${1:-100000}
[ $# -gt 0 ] && shift
if [ ! -e .fuzz/ready ]; then
    python3 -m venv --clear .fuzz
    .fuzz/bin/python -m pip install --quiet --disable-pip-version-check atheris cryptography
    : >.fuzz/ready
fi
names=${*:-$(cut -d' ' -f1 fuzz/seeds.txt | sort -u) soap_door}
installed=$(echo .venv/lib/python*/site-packages)
printf '%-20s %10s %8s %9s  %s\n' decoder inputs seconds edges findings
failed=0
for name in $names; do
    corpus=.fuzz/corpus/$name
    mkdir -p "$corpus"
    { grep "^$name " fuzz/seeds.txt || true; } | cut -d' ' -f2 | while read -r hex; do
        printf '%s' "$hex" | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' \
            >"$corpus/seed-$(printf '%s' "$hex" | cksum | cut -d' ' -f1)"
    done
    begin=$(date +%s)
    script="fuzz/decoders.py $name"
    [ "$name" = soap_door ] && script=fuzz/soap_door.py
    # shellcheck disable=SC2086 # the script and its argument are two words
    if PYTHONPATH=src:tests:$installed .fuzz/bin/python $script "$corpus" -runs="$runs" -max_len=600 -timeout=5 \
        -rss_limit_mb=1024 -artifact_prefix=.fuzz/ >.fuzz/log 2>&1; then
        findings=none
    else
        findings="see .fuzz/$name.log"
        cp .fuzz/log ".fuzz/$name.log"
        failed=1
    fi
    edges=$(grep -o 'cov: [0-9]*' .fuzz/log | tail -1 | cut -d' ' -f2)
    printf '%-20s %10s %8s %9s  %s\n' "$name" "$runs" "$(($(date +%s) - begin))" "${edges:--}" "$findings"
done
exit $failed
