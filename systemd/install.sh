#!/bin/sh
# Installs Clipward as systemd services, or brings an installation up to date, from a clone or from an unpacked release.
# May be run again at any time: what is right already is left alone. docs/systemd.md says what ends up where.

set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
umask 022

oldest_node=24
program=/opt/clipward
data=/var/lib/clipward
settings=/etc/clipward/clipward.yaml
units=/etc/systemd/system
command=/usr/local/bin/clipward
sockets='clipward-receive-explicit.socket clipward-receive-implicit.socket'
contents='bin dist docs systemd node_modules package.json package-lock.json release.json ARCHITECTURE.md CHANGELOG.md LICENSE README.md'
services='clipward-archive.service clipward-receive.service clipward-outbound.service'

source=$(cd "$(dirname "$0")/.." && pwd -P)
stage=

say() { printf 'clipward: %s\n' "$1"; }
stop() {
  printf 'clipward: %s\n' "$1" >&2
  exit 1
}

usage() {
  cat <<END
usage: systemd/install.sh [--move | --no-move]
       systemd/install.sh --uninstall

  --move       moves the archive of this clone (data, state, certs) to $data
  --no-move    leaves it where it is, and does not ask
  --uninstall  stops and removes the services and the program; recordings, settings and users stay
END
}

main() {
  action=install
  move=ask
  for argument in "$@"; do
    case $argument in
      --uninstall) action=uninstall ;;
      --move) move=yes ;;
      --no-move) move=no ;;
      --help | -h)
        usage
        exit 0
        ;;
      *)
        usage >&2
        exit 2
        ;;
    esac
  done
  [ "$(id -u)" = 0 ] || stop "this has to be run as root: sudo $0"
  [ -d /run/systemd/system ] || stop 'systemd does not run here: use npm start instead.'
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  $action
}

clean_up() {
  if [ -n "$stage" ]; then rm -rf "$stage"; fi
}

install() {
  find_node
  decide_about_archive
  ensure_tools
  install_program
  install_users
  install_settings
  move_archive
  install_units
  make_certificates
  start_all
  say "done. Clips and recordings are in $data/data, settings in $settings."
  say "Next: clipward camera add front-door --allow 192.168.1.20 (the address of your camera), and clipward doctor"
}

# --- what has to be there -------------------------------------------------------------------------------------------

find_node() {
  node=$(command -v node) || stop "Node $oldest_node or newer is needed, and there is none: $(how_to_get_node)"
  version=$("$node" --version)
  major=${version#v}
  major=${major%%.*}
  [ "$major" -ge "$oldest_node" ] || stop "Node $oldest_node or newer is needed, $node is $version: $(how_to_get_node)"
  node=$(readlink -f "$node")
  case $node in
    /usr/*) ;;
    *) stop "$node is outside of /usr, where the services cannot see it: $(how_to_get_node)" ;;
  esac
  if dpkg-query --search "$node" >/dev/null 2>&1; then
    say "Node $version from the package manager ($node)"
  else
    say "Node $version ($node) does not belong to a package: nobody but you brings its security updates"
  fi
}

how_to_get_node() {
  printf '%s' "install the package nodejs of your distribution if it is new enough, otherwise that of NodeSource for version $oldest_node, or unpack the archive from the Node project into /usr/local."
}

ensure_tools() {
  missing=
  for each in ffmpeg:ffmpeg ffprobe:ffmpeg prlimit:util-linux setpriv:util-linux systemd-notify:systemd perl:perl-base; do
    if ! command -v "${each%%:*}" >/dev/null; then missing="$missing ${each#*:}"; fi
  done
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2046,SC2086 # a list of packages
  set -- $(printf '%s\n' $missing | sort -u)
  command -v apt-get >/dev/null || stop "Missing on this machine: $*. Install them the way this system does it, then try again."
  say "installing $* from the distribution"
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/dev/null ||
    stop "Missing on this machine: $*. apt-get could not install them: run apt-get update, then try again."
}

# --- the program ----------------------------------------------------------------------------------------------------

install_program() {
  mkdir -p "$program"
  from=$source
  if [ -d "$source/src" ]; then
    stage=$(mktemp -d "$program/.stage-XXXXXX")
    from=$stage/clipward
    say "building from the clone $source"
    (cd "$source" && "$node" scripts/release.mjs --directory "$from")
  fi
  [ -f "$from/dist/main.js" ] || stop "$from is neither a clone nor a release of Clipward."
  grep -q "\"$("$node" -p process.arch)\"" "$from/release.json" ||
    stop "this release was made for another kind of machine ($(cat "$from/release.json")): make one on such a machine with npm run release, or install from a clone."
  release=$("$node" -p "require('$from/package.json').version")-$(fingerprint "$from")
  previous=$(readlink "$program/current" 2>/dev/null || true)
  if [ ! -d "$program/$release" ]; then
    rm -rf "$program/.new"
    mkdir -p "$program/.new/config"
    # By name: in the same directory there may be an archive that was tried out there, and its settings.
    for each in $contents; do cp -R "$from/$each" "$program/.new/"; done
    cp "$from/config/clipward.example.yaml" "$program/.new/config/"
    chown -R 0:0 "$program/.new"
    chmod -R u=rwX,go=rX "$program/.new"
    mv "$program/.new" "$program/$release"
    say "program installed in $program/$release"
  fi
  if [ "$previous" != "$release" ]; then
    ln -sfn "$release" "$program/.current"
    mv -T "$program/.current" "$program/current"
  fi
  for each in "$program"/*; do
    case ${each##*/} in
      current | "$release" | "$previous") ;;
      *) rm -rf "$each" ;;
    esac
  done
  if [ -e "$command" ] && ! grep -q "$program/current" "$command"; then
    stop "$command is another program: move it away, then try again."
  fi
  write_file "$command" 755 <<END
#!/bin/sh
exec $node $program/current/bin/clipward.mjs "\$@"
END
}

# What was built, and what it is built on.
fingerprint() {
  cat "$1/dist/.stamp" "$1/package-lock.json" "$1/systemd/"* | sha256sum | cut -c1-12
}

install_users() {
  write_file /etc/sysusers.d/clipward.conf 644 <"$from/systemd/clipward.sysusers"
  systemd-sysusers /etc/sysusers.d/clipward.conf
  write_file /etc/tmpfiles.d/clipward.conf 644 <"$from/systemd/clipward.tmpfiles"
  make_directories
}

make_directories() {
  systemd-tmpfiles --create /etc/tmpfiles.d/clipward.conf
}

install_settings() {
  mkdir -p /etc/clipward
  if [ ! -e "$settings" ]; then
    if [ -f "$source/config/clipward.yaml" ]; then
      "$node" "$program/current/systemd/take-settings.mjs" "$source/config/clipward.yaml" "$settings"
      say "settings taken over from $source/config/clipward.yaml, with the directories below $data"
    else
      "$node" "$program/current/systemd/take-settings.mjs" "$settings"
      say "settings written to $settings"
    fi
  fi
  # All three roles read it, and it may hold what others should not know.
  chown root:clipward "$settings"
  chmod 640 "$settings"
}

# --- the archive of a clone -----------------------------------------------------------------------------------------

# Before anything is installed: afterwards the services have made an archive of their own.
decide_about_archive() {
  if [ ! -f "$source/state/archive-id" ]; then
    move=no
  elif [ -e "$data/state/archive-id" ]; then
    say "$source holds an archive of its own, and so does $data: it stays where it is"
    move=no
  elif [ "$move" = ask ] && [ -t 0 ]; then
    printf 'There is an archive in %s (data, state, certs). Move it to %s? [y/N] ' "$source" "$data"
    read -r answer || {
      echo
      stop "nothing was changed: say --move to move the archive to $data, or --no-move to begin with an empty one."
    }
    case $answer in [yY]*) move=yes ;; *) move=no ;; esac
  elif [ "$move" = ask ]; then
    stop "there is an archive in $source (data, state, certs): say --move to move it to $data, or --no-move to begin with an empty one."
  fi
}

move_archive() {
  [ "$move" = yes ] || return 0
  running=$("$node" --input-type=module --eval "
    import { runningRoles } from '$program/current/dist/inspect/daemon.js';
    console.log(...runningRoles(process.argv[1]));" "$source/state")
  [ -z "$running" ] || stop "Clipward runs in $source: stop it there, then try again."
  # The state comes last: what shows that there is an archive is moved when everything else is in its place.
  for each in data certs state; do move_into "$source/$each" "$data/$each"; done
  if [ -f "$data/state/catalogue.db" ]; then
    for each in "$data"/state/catalogue.db*; do mv "$each" "$data/state/catalogue/"; done
  fi
  set_rights
  make_directories
  keep_earlier_ports
  say "the archive of $source is in $data now"
}

# Entry by entry, since the directories are there already and may be where another disk is mounted. What an interruption left
# half copied has another name, and is copied again.
move_into() {
  [ -d "$1" ] || return 0
  for entry in "$1"/* "$1"/.[!.]*; do
    name=${entry##*/}
    case $name in README.md | archive-id) continue ;; esac
    if [ -e "$entry" ]; then move_entry "$entry" "$2/$name"; fi
  done
  if [ -e "$1/archive-id" ]; then move_entry "$1/archive-id" "$2/archive-id"; fi
  if [ ! -e "$1/README.md" ]; then rmdir "$1" 2>/dev/null || true; fi
}

move_entry() {
  if [ -d "$2" ]; then find "$2" -depth -type d -empty -delete; fi
  [ ! -e "$2" ] || stop "$2 is there already: move it away, then try again."
  if [ "$(stat -c %d "$1")" = "$(stat -c %d "$(dirname "$2")")" ]; then
    mv "$1" "$2"
  else
    rm -rf "$2.moving"
    cp -a "$1" "$2.moving"
    sync -f "$2.moving"
    mv "$2.moving" "$2"
    rm -rf "$1"
  fi
}

# What the archive gives to files that it makes (docs/systemd.md), for those that were made by one user alone.
set_rights() {
  give() { # user, group, mode of directories, mode of files, path
    [ -e "$5" ] || return 0
    chown -hR "$1:$2" "$5"
    find "$5" -type d -exec chmod "$3" {} +
    find "$5" -type f -exec chmod "$4" {} +
  }
  for each in clips thumbnails quarantine; do give clipward clipward 2700 u=rwX,go= "$data/data/$each"; done
  find "$data/data/clips" -type f -exec chmod 400 {} + 2>/dev/null || true
  for each in incoming inbox; do give clipward-receive clipward-receive 2770 640 "$data/data/$each"; done
  give clipward-outbound clipward-outbound 2770 440 "$data/data/footage"
  find "$data/data/footage" -type f -name '*.open' -exec chmod 640 {} + 2>/dev/null || true
  give clipward clipward 2700 600 "$data/data/ballast"
  give clipward clipward 2700 640 "$data/data/MARKER"
  chown -h clipward:clipward "$data"/state/*.lock "$data"/state/access.db* "$data/state/archive-id" 2>/dev/null || true
  chmod 640 "$data/state/access.db" "$data/state/archive-id"
  give clipward-outbound clipward-outbound 2770 660 "$data/state/catalogue"
  give clipward-receive clipward-receive 2770 660 "$data/state/receiver"
  give clipward clipward-outbound 2750 640 "$data/state/secrets"
  find "$data/state/secrets" -maxdepth 1 -type f -exec chmod 600 {} +
  give clipward clipward-receive 2750 640 "$data/certs"
  if [ -e "$data/certs/ca.key" ]; then chmod 600 "$data/certs/ca.key"; fi
  rm -f "$data/state/outbound.lock"
}

# Cameras that uploaded to the clone know its ports.
keep_earlier_ports() {
  for each in explicit:2121 implicit:2990; do
    name=clipward-receive-${each%%:*}.socket
    mkdir -p "$units/$name.d"
    write_file "$units/$name.d/earlier-port.conf" 644 <<END
[Socket]
# The clone listened here, and cameras may still be told so.
ListenStream=${each#*:}
END
  done
  say 'cameras that upload to port 2121 or 2990 may go on doing so, besides 21 and 990'
}

# --- units ----------------------------------------------------------------------------------------------------------

install_units() {
  is_first=no
  [ -e "$units/clipward.target" ] || is_first=yes
  changed=
  for each in clipward.target $sockets $services; do
    text=$(sed "s|^ExecStart=/usr/bin/node |ExecStart=$node |" "$from/systemd/$each")
    write_file "$units/$each" 644 <<END
$text
END
    if [ "$wrote" = yes ]; then changed="$changed $each"; fi
  done
  # Slower and slower restarts of what keeps crashing, where systemd knows how.
  if [ "$(systemctl --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')" -ge 254 ]; then
    for each in $services; do
      mkdir -p "$units/$each.d"
      write_file "$units/$each.d/restart-steps.conf" 644 <<END
[Service]
RestartSteps=8
RestartMaxDelaySec=5
END
      if [ "$wrote" = yes ]; then changed="$changed $each"; fi
    done
  fi
  systemctl daemon-reload
  if [ "$is_first" = yes ]; then
    # shellcheck disable=SC2086 # lists of units
    systemctl --quiet enable clipward.target $sockets $services
    say 'units enabled: they start with the machine'
  fi
}

# The archive, which renews them, sees no network: the addresses that they are made out to are known here.
make_certificates() {
  "$command" cert renew --if-needed >/dev/null 2>&1 ||
    say 'certificates could not be made just now: the archive makes them, without the addresses of this machine (clipward cert renew)'
}

start_all() {
  # The archive comes first: it makes what the others need, and brings the databases up to date.
  start_unit clipward-archive.service
  # A socket that is as it was stays open, and those who connect meanwhile wait for the new receiver.
  # shellcheck disable=SC2086 # a list of units
  case $changed in *.socket*) systemctl stop clipward-receive.service $sockets ;; esac
  for each in $sockets; do
    if systemctl --quiet is-enabled "$each" && ! systemctl --quiet is-active "$each"; then start_socket "$each"; fi
  done
  start_unit clipward-receive.service
  start_unit clipward-outbound.service
  if systemctl --quiet is-enabled clipward.target; then systemctl start clipward.target; fi
}

start_unit() {
  systemctl --quiet is-enabled "$1" || return 0
  if [ "$previous" = "$release" ] && [ "$move" = no ] && [ -z "$changed" ] && systemctl --quiet is-active "$1"; then
    say "$1 runs already"
    return 0
  fi
  systemctl restart "$1" || {
    journalctl --no-pager --quiet --lines 15 --output cat --unit "$1" >&2 || true
    stop "$1 does not start: above is what it said. It is tried again and again; journalctl -fu $1 shows it."
  }
  say "$1 runs"
}

start_socket() {
  systemctl start "$1" ||
    stop "$1 cannot listen: another program may use the port (ss -ltnp shows which, often an FTP server). Stop it, then try again."
}

# --- removal --------------------------------------------------------------------------------------------------------

uninstall() {
  # shellcheck disable=SC2086 # lists of units
  systemctl --quiet disable --now clipward.target $sockets $services 2>/dev/null || true
  for each in clipward.target $sockets $services; do rm -rf "${units:?}/$each" "${units:?}/$each.d"; done
  systemctl daemon-reload
  # shellcheck disable=SC2086 # lists of units
  systemctl reset-failed $services 2>/dev/null || true
  rm -f /etc/tmpfiles.d/clipward.conf /etc/sysusers.d/clipward.conf
  rm -rf /run/clipward "$program"
  if [ -e "$command" ] && grep -q "$program/current" "$command"; then rm -f "$command"; fi
  say "services and program are removed."
  if [ -d "$data" ]; then say "your clips, recordings, cameras and keys are still in $data"; fi
  if [ -d /etc/clipward ]; then say "your settings are still in /etc/clipward"; fi
  say 'the users clipward, clipward-receive and clipward-outbound are still there: these files are theirs'
}

# Writes standard input to a file, whole or not at all, unless that is what it holds: `wrote` says which.
write_file() {
  mkdir -p "$(dirname "$1")"
  cat >"$1.new"
  chmod "$2" "$1.new"
  if cmp -s "$1.new" "$1"; then
    rm -f "$1.new"
    wrote=no
  else
    mv "$1.new" "$1"
    wrote=yes
  fi
}

main "$@"
