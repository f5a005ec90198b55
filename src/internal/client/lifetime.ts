/**
 * Whether a client is still there, and what ended it: every call after its end fails at once with that.
 */
import type { MqttError } from "../../MqttError.ts"

export interface Lifetime {
  closedBy: MqttError | undefined
}
