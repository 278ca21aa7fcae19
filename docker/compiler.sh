#!/bin/sh
# Install the C compiler that Triton builds the launchers of its kernels with.
set -eu
apt-get update -qq
apt-get install -qq -y --no-install-recommends gcc libc6-dev
rm -rf /var/lib/apt/lists/*
