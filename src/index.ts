/**
 * MQTT 3.1.1 and 5.0 for Effect.
 *
 * @since 0.1.0
 */

/** @since 0.2.0 */
export * as KeyValueMqttStore from "./KeyValueMqttStore.ts"

/** @since 0.1.0 */
export * as MqttAuthentication from "./MqttAuthentication.ts"

/** @since 0.1.0 */
export * as MqttClient from "./MqttClient.ts"

/** @since 0.2.0 */
export * as MqttConfig from "./MqttConfig.ts"

/** @since 0.1.0 */
export * as MqttConnection from "./MqttConnection.ts"

/** @since 0.1.0 */
export * as MqttError from "./MqttError.ts"

/** @since 0.2.0 */
export * as MqttErrorSchema from "./MqttErrorSchema.ts"

/** @since 0.1.0 */
export * as MqttMessage from "./MqttMessage.ts"

/** @since 0.1.0 */
export * as MqttMetrics from "./MqttMetrics.ts"

/** @since 0.2.0 */
export * as MqttPackets from "./MqttPackets.ts"

/** @since 0.2.0 */
export * as MqttPublisher from "./MqttPublisher.ts"

/** @since 0.1.0 */
export * as MqttState from "./MqttState.ts"

/** @since 0.1.0 */
export * as MqttStore from "./MqttStore.ts"

/** @since 0.2.0 */
export * as MqttSubscriber from "./MqttSubscriber.ts"

/** @since 0.1.0 */
export * as MqttTopic from "./MqttTopic.ts"

/** @since 0.1.0 */
export * as MqttTracing from "./MqttTracing.ts"

/** @since 0.1.0 */
export * as MqttTransport from "./MqttTransport.ts"

/** @since 0.1.0 */
export * as NetworkProbe from "./NetworkProbe.ts"

/** @since 0.2.0 */
export * as SocketTransport from "./SocketTransport.ts"
