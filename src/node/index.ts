/**
 * Clients and transports for Node. Needs `@effect/platform-node`.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as NodeMqtt from "./NodeMqtt.ts"

/** @since 0.2.0 */
export * as NodeMqttConfig from "./NodeMqttConfig.ts"

/** @since 0.2.0 */
export * as NodeMqttStore from "./NodeMqttStore.ts"

/** @since 0.1.0 */
export * as NodeNetworkProbe from "./NodeNetworkProbe.ts"

/** @since 0.1.0 */
export * as NodeTcp from "./NodeTcp.ts"

/** @since 0.1.0 */
export * as NodeTls from "./NodeTls.ts"

/** @since 0.1.0 */
export * as NodeUnix from "./NodeUnix.ts"

/** @since 0.1.0 */
export * as NodeWebSocket from "./NodeWebSocket.ts"
