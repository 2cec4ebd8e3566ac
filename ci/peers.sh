#!/bin/sh
# Puts the independent SOAP client (npm) into .peers/npm, a folder of its own, from its lock; does nothing when it is up to
# date, and says so when there is no npm. Only tests use it.
set -eu
cd "$(dirname "$0")/.."
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm here: the tests with an npm SOAP client will be skipped"
    exit 0
fi
if [ -e .peers/npm/ready ] && cmp -s tests/peers/soap_client/package-lock.json .peers/npm/ready; then
    exit 0
fi
rm -rf .peers/npm
mkdir -p .peers
cp -r tests/peers/soap_client .peers/npm
(cd .peers/npm && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
cp tests/peers/soap_client/package-lock.json .peers/npm/ready
