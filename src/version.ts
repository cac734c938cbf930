// The version, from the one place that has it; the build copies it into the binary.

export { version } from "../package.json";
