# Part of the scripts of the deb and of the rpm.

unit=health-checker.service

make_user() {
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers health-checker.conf
  elif ! getent passwd health-checker >/dev/null; then
    useradd --system --user-group --no-create-home --home-dir / --shell /usr/sbin/nologin health-checker
  fi
}

has_systemd() {
  [ -d /run/systemd/system ]
}

# Whether the new program takes the options and the config file of the running daemon. True if none runs. `unit` reads
# both as the daemon does, and needs no secret. It runs as the daemon's user, who could have changed the command line.
is_accepted() {
  pid=$(systemctl show --property=MainPID "$unit")
  pid=${pid#MainPID=}
  # A daemon that has just ended, or that systemd is about to start again, runs no more.
  [ -e "/proc/${pid:-0}/cmdline" ] || return 0
  # The first word of the command line is the program. The shell takes it as $0.
  # shellcheck disable=SC2016
  xargs -0 setpriv --reuid="$(stat -c %u "/proc/$pid")" --regid="$(stat -c %g "/proc/$pid")" "$(groups_of "$pid")" \
    --no-new-privs sh -c 'exec /usr/bin/health-checker unit "$@" >/dev/null' <"/proc/$pid/cmdline"
}

groups_of() {
  groups=$(sed -n 's/^Groups:[[:space:]]*//p' "/proc/$1/status" | sed 's/ *$//; s/  */,/g')
  if [ -n "$groups" ]; then echo "--groups=$groups"; else echo --clear-groups; fi
}

# $1 is the command that restarts it later.
report_refusal() {
  cat >&2 <<REPORT
health-checker: not restarted, because this version refuses the configuration (see above). The old process still runs
and answers as before. Correct the configuration before the next restart or reboot. Then run: $1
REPORT
}
