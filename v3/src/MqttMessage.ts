/**
 * Application messages: the engine's, which know nothing of Effect.
 */
import * as Engine from "../../engine/index.ts"

export const { MqttMessage, toBytes } = Engine.MqttMessage
