// The version, from package.json; the build copies it into the binary.

import { version } from "../../package.json";

export { version };

/** As upstream prints it. */
export const versionLine = (): string => `health-checker version v${version}`;
