/**
 * What a client says about itself. There are types only, and no values.
 */
import type { MqttState } from "../../engine/index.ts"

export type ConnectionState = MqttState.ConnectionState
