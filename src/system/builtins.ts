// Modules of the runtime, loaded when they are first used: together they take a fifth of the start of a daemon that has
// no file to read or write. The runtime keeps them, so a further call costs nothing.

export const nodeFs = (): typeof import("node:fs") => process.getBuiltinModule("node:fs");

export const nodePath = (): typeof import("node:path") => process.getBuiltinModule("node:path");

export const nodeOs = (): typeof import("node:os") => process.getBuiltinModule("node:os");
