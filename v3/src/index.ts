/**
 * MQTT 3.1.1 and 5.0 for Effect 3.
 */
export * as MqttClient from "./MqttClient.ts"
export * as MqttConfig from "./MqttConfig.ts"
export * as MqttError from "./MqttError.ts"
export * as MqttMessage from "./MqttMessage.ts"
export * as MqttState from "./MqttState.ts"
export * as MqttTopic from "./MqttTopic.ts"
export * as MqttTransport from "./MqttTransport.ts"
