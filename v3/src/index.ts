/**
 * MQTT 3.1.1 and 5.0 for Effect 3.
 */
export * as KeyValueMqttStore from "./KeyValueMqttStore.ts"
export * as MqttAuthentication from "./MqttAuthentication.ts"
export * as MqttClient from "./MqttClient.ts"
export * as MqttConfig from "./MqttConfig.ts"
export * as MqttError from "./MqttError.ts"
export * as MqttMessage from "./MqttMessage.ts"
export * as MqttMetrics from "./MqttMetrics.ts"
export * as MqttPackets from "./MqttPackets.ts"
export * as MqttState from "./MqttState.ts"
export * as MqttStore from "./MqttStore.ts"
export * as MqttTopic from "./MqttTopic.ts"
export * as MqttTracing from "./MqttTracing.ts"
export * as MqttTransport from "./MqttTransport.ts"
