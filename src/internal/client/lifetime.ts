/**
 * Whether a client is still there, or else the error that ended it: every later call fails at once with that error.
 */
import type { MqttError } from "../../MqttError.ts"

export interface Lifetime {
  closedBy: MqttError | undefined
}
