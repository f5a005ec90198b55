/**
 * The state, the events and the numbers of a client. The module has types and no values.
 */
import type { MqttState } from "../../engine/index.ts"

export type ConnectionState = MqttState.ConnectionState
