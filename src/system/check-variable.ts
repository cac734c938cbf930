/** A script finds the name of its check there, and whoever looks at processes sees by it that one is a script's. */
export const CHECK_VARIABLE = "HEALTH_CHECKER_CHECK";
