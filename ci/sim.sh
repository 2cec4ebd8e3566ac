#!/bin/sh
# Seeds of the simulator: with arguments, those of `aforo sim run`; without, a fixed set of every scenario, and then a
# fresh set, whose first seed is printed so that it can be run again.
set -eu

python=.venv/bin/python
if [ $# -gt 0 ]; then
    exec "$python" -m aforo sim run "$@"
fi

for scenario in calm crashes network disk moves rush silence pair; do
    "$python" -m aforo sim run --scenario "$scenario" --seeds 12
done
"$python" -m aforo sim run --scenario standard --seeds 60

first=$(date +%s)
echo "fresh seeds from $first on"
"$python" -m aforo sim run --scenario standard --seeds 40 --first-seed "$first"
