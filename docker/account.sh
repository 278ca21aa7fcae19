#!/bin/sh
# Make the account that the service runs as, and the folder it keeps everything in: account.sh NAME FOLDER
set -eu
name=$1
folder=$2
id "$name" >/dev/null 2>&1 || useradd --system --uid 10005 --home-dir "$folder" --shell /usr/sbin/nologin "$name"
mkdir -p "$folder"
chown "$name" "$folder"
chmod 750 "$folder"
