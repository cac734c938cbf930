// The version, from the one place that has it; the build copies it into the binary.

import { version } from "../../package.json";

export { version };

/** In the form that upstream prints. */
export const versionLine = (): string => `health-checker version v${version}`;
