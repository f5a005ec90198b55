/**
 * `mosquitto_pub` and `mosquitto_sub`, which Debian packages apart from the broker.
 */
import type { Requirement } from "../support/requirements.ts"
import * as Process from "./Process.ts"

const programs = ["mosquitto_pub", "mosquitto_sub"]

export const requirement: Requirement = {
  name: "mosquitto's clients",
  packages: "mosquitto-clients",
  isInstalled: () => programs.every((program) => Process.find(program) !== undefined)
}
