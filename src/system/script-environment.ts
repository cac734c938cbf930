// The environment that scripts inherit: that of the daemon, without the variables that are meant for the daemon alone or
// come from its service manager.

/** Holds the name of the check of a script. A process that has this variable belongs to a script. */
export const CHECK_VARIABLE = "HEALTH_CHECKER_CHECK";

const OUR_OWN = /^(NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|HEALTH_CHECKER_RUN|WATCHDOG_.*|LISTEN_.*|BUN_.*)$/;

export function scriptEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !OUR_OWN.test(name)) kept[name] = value;
  return kept;
}
