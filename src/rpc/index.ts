/**
 * Effect RPC over MQTT.
 *
 * @since 0.2.0
 */

/** @since 0.2.0 */
export * as MqttRpc from "./MqttRpc.ts"
