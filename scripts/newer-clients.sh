#!/usr/bin/env bash
# Puts pg_dump, pg_restore, pg_dumpall and psql of newer PostgreSQL versions beside those of a Debian that has none of
# them: packages of later releases of Debian, unpacked into a folder with the libraries that they need (their C library
# included, which is why each program is started by its own loader). Nothing is installed, no other package is touched.
#
#   scripts/newer-clients.sh [VERSION...]     default: 17 18
#
# They go where tests look for them (test/support/pg-dump.ts): /var/cache/aisha-db/clients/VERSION/bin for root,
# ~/.cache/aisha-db/clients/VERSION/bin for others, or below AISHA_CLIENTS.
#
# Prints the folder of each version's programs. Needs apt-get and dpkg-deb, not root.
set -euo pipefail

# The first release of Debian with that version.
declare -A SUITES=([17]=trixie [18]=sid)

main() {
  local folder=${AISHA_CLIENTS:-} version
  if [[ -z $folder ]]; then
    if ((EUID == 0)); then folder=/var/cache/aisha-db/clients; else folder=$HOME/.cache/aisha-db/clients; fi
  fi
  mkdir -p "$folder"
  if (($# == 0)); then set -- 17 18; fi
  for version in "$@"; do fetch "$(cd "$folder" && pwd)" "$version"; done
}

fetch() {
  local folder=$1 version=$2 suite=${SUITES[$2]:-}
  if [[ -z $suite ]]; then
    echo "no release of Debian is known that has postgresql-client-$version" >&2
    exit 2
  fi
  local place=$folder/$version
  if [[ ! -x $place/bin/pg_dump ]]; then
    # Complete or not there at all.
    local draft
    draft=$(mktemp -d "$folder/$version.new-XXXXXX")
    chmod 755 "$draft"
    download "$draft/apt" "$suite" "postgresql-client-$version"
    unpack "$draft" "$version" "$place"
    rm -rf "$draft/apt" "$place"
    mv "$draft" "$place"
  fi
  "$place/bin/pg_dump" --version >&2
  echo "$place/bin"
}

# apt-get with lists, cache and an empty list of installed packages of its own: it takes all that the package needs.
download() {
  local state=$1 suite=$2 package=$3
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/sources"
  : >"$state/status"
  cat >"$state/sources/newer.sources" <<SOURCES
Types: deb
URIs: http://deb.debian.org/debian
Suites: $suite
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCES
  local options=(
    -qq -o "Dir::State::lists=$state/lists" -o "Dir::Cache=$state/cache" -o "Dir::State::status=$state/status"
    -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$state/sources" -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" update >&2
  apt-get "${options[@]}" install --download-only -y --no-install-recommends "$package" >&2
}

# The programs look for nothing but libraries, which the loader is told.
unpack() {
  local draft=$1 version=$2 place=$3 package program
  mkdir -p "$draft/root" "$draft/bin"
  for package in "$draft"/apt/cache/archives/*.deb; do
    case ${package##*/} in perl* | libperl* | gcc-* | *gconv* | netbase_* | sensible-utils_*) continue ;; esac
    dpkg-deb -x "$package" "$draft/root"
  done
  local root=$place/root
  local libraries loader
  libraries=$(cd "$draft/root" && echo usr/lib/*-linux-gnu*)
  loader=$(cd "$draft/root" && find usr/lib* -name 'ld-linux*.so.*' | head -n 1)
  for program in pg_dump pg_restore pg_dumpall psql; do
    cat >"$draft/bin/$program" <<PROGRAM
#!/bin/sh
exec '$root/$loader' --library-path '$root/$libraries' '$root/usr/lib/postgresql/$version/bin/$program' "\$@"
PROGRAM
    chmod 755 "$draft/bin/$program"
  done
}

main "$@"
