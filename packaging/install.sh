#!/bin/sh
# Installs health-checker, or replaces it by another version:
#
#   curl -fsSL https://github.com/OWNER/health-checker/releases/latest/download/install.sh | sudo sh
#
# Variables:
#   VERSION    such as 1.2.3. Default: the latest release
#   PREFIX     installs to PREFIX/bin. Default: /usr/local, or ~/.local if /usr/local/bin cannot be written to
#   BASE_URL   the URL or the folder that has the files of a release: a mirror, or a copy on a host without internet
#
# Whatever fails, the program that is installed stays. A download that was cut does nothing: the last line starts it all.
set -eu

# Set by a release build.
REPOSITORY=

main() {
  umask 022
  version=${VERSION-}
  version=${version#v}
  case $version in
    *[!0-9A-Za-z.+-]*) fail "VERSION: expected a version such as 1.2.3, got $VERSION" ;;
  esac
  find_releases
  find_system
  find_programs
  find_folder

  staged=$folder/.health-checker.$$
  downloads=
  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  downloads=$(mktemp -d) || fail "cannot make a temporary folder"

  download SHA256SUMS
  find_archive
  echo "health-checker: downloading $releases/$archive" >&2
  download "$archive"
  verify_checksum
  verify_provenance
  unpack
  replaced=
  [ ! -e "$program" ] || replaced=yes
  mv -f "$staged" "$program" || fail "cannot write $program"
  report
}

fail() {
  echo "install health-checker: $1" >&2
  exit 1
}

clean_up() {
  rm -f "$staged"
  [ -z "$downloads" ] || rm -rf "$downloads"
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Sets releases: the URL, or the folder, of the files.
find_releases() {
  if [ -n "${BASE_URL-}" ]; then
    releases=${BASE_URL%/}
    releases=${releases#file://}
  elif [ -z "$REPOSITORY" ]; then
    fail "this copy does not know where releases are: set BASE_URL to the URL or the folder of a release"
  elif [ -n "$version" ]; then
    releases=$REPOSITORY/releases/download/v$version
  else
    releases=$REPOSITORY/releases/latest/download
  fi
  case $releases in
    http://* | https://*) ;;
    *://*) fail "BASE_URL: expected http://, https:// or a folder, got $BASE_URL" ;;
    *) [ -d "$releases" ] || fail "BASE_URL: no such folder: $releases" ;;
  esac
}

# Sets system, such as linux_amd64.
find_system() {
  os=$(uname -s)
  machine=$(uname -m)
  case $os in
    Linux) os=linux ;;
    Darwin) os=darwin ;;
    *) fail "no program for $os; for Windows there is a zip file" ;;
  esac
  case $machine in
    x86_64 | amd64) machine=amd64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "no program for $machine" ;;
  esac
  if [ "$os" = linux ]; then
    case $(ldd --version 2>&1 || :) in
      *musl*) fail "this system has musl, and the program needs glibc" ;;
    esac
  fi
  system=${os}_$machine
}

# Sets fetch and hash: commands that this system has.
find_programs() {
  fetch=
  case $releases in
    http://* | https://*)
      if has curl; then
        fetch="curl -fsSL --retry 3 --connect-timeout 10 --speed-limit 1 --speed-time 30 -o"
      elif has wget; then
        fetch="wget -q -T 30 -O"
      else
        fail "needs curl or wget"
      fi
      ;;
  esac
  if has sha256sum; then
    hash=sha256sum
  elif has shasum; then
    hash="shasum -a 256"
  elif has openssl; then
    hash="openssl dgst -sha256 -r"
  else
    fail "needs sha256sum, shasum or openssl, to verify what it downloads"
  fi
  for needed in tar gzip mktemp; do
    has "$needed" || fail "needs $needed"
  done
}

# Sets folder and program: where it is installed.
find_folder() {
  if [ -n "${PREFIX-}" ]; then
    folder=${PREFIX%/}/bin
  elif mkdir -p /usr/local/bin 2>/dev/null && [ -w /usr/local/bin ]; then
    folder=/usr/local/bin
  else
    folder=${HOME:?is not set: set PREFIX}/.local/bin
  fi
  mkdir -p "$folder" 2>/dev/null || fail "cannot make $folder"
  [ -w "$folder" ] || fail "cannot write to $folder; run this as root, or set PREFIX"
  program=$folder/health-checker
  [ ! -d "$program" ] || fail "$program is a folder"
}

download() {
  if [ -n "$fetch" ]; then
    $fetch "$downloads/$1" "$releases/$1" || fail "cannot download $releases/$1"
  else
    cp "$releases/$1" "$downloads/$1" || fail "cannot read $releases/$1"
  fi
}

# Sets archive and expected: its name, which has the version, and its checksum.
find_archive() {
  while read -r expected archive; do
    archive=${archive#\*}
    # shellcheck disable=SC2254 # the version that was asked for has no wildcards
    case $archive in
      */*) ;;
      health-checker_${version:-*}_"$system".tar.gz) return ;;
    esac
  done <"$downloads/SHA256SUMS"
  fail "$releases has no health-checker_${version:-VERSION}_$system.tar.gz in its SHA256SUMS"
}

verify_checksum() {
  actual=$($hash <"$downloads/$archive") || fail "cannot read $archive"
  [ "${actual%% *}" = "$expected" ] || fail "$archive is not what SHA256SUMS says: it was changed, or its download was cut"
}

# SHA256SUMS comes from where the archive comes from. The attestation says which workflow of which repository made it.
verify_provenance() {
  case $REPOSITORY in
    https://github.com/*) ;;
    *) return 0 ;;
  esac
  if ! has gh; then
    return 0
  elif ! gh auth status >/dev/null 2>&1; then
    echo "health-checker: where the archive was built is not verified: gh is not logged in" >&2
  else
    gh attestation verify "$downloads/$archive" --repo "${REPOSITORY#https://github.com/}" >&2 ||
      fail "gh cannot verify where $archive was built"
  fi
}

# The new program has to run here before it replaces another.
unpack() {
  tar -xzOf "$downloads/$archive" health-checker >"$staged" || fail "cannot unpack $archive to $folder"
  chmod 755 "$staged" || fail "cannot write to $folder"
  new=${archive#health-checker_}
  new=${new%_"$system".tar.gz}
  answer=$("$staged" --version 2>&1) || fail "the new program does not run on this system: $answer"
  case $answer in
    "health-checker version v$new"*) ;;
    *) fail "expected version $new in $archive, got: $answer" ;;
  esac
}

report() {
  echo "health-checker: installed v$new as $program"
  case $(command -v health-checker || :) in
    "$program") ;;
    "") echo "$folder is not in PATH: export PATH=\"$folder:\$PATH\"" ;;
    *) echo "PATH has another one first: $(command -v health-checker)" ;;
  esac
  if [ -n "$replaced" ]; then
    echo "A running daemon is still the old program. Before you restart it: $program validate CONFIG"
  else
    echo "Try it: $program --script true    # answers on port 5000"
  fi
  [ -z "$REPOSITORY" ] || echo "What next: $REPOSITORY/blob/v$new/docs/install.md"
}

main
