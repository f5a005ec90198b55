/**
 * Application messages of the engine. Nothing in them depends on a version of Effect.
 */
import * as Engine from "../../engine/index.ts"

export const { MqttMessage, toBytes } = Engine.MqttMessage
