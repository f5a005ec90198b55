/**
 * Clients and the transport for browsers. Needs nothing but `effect`.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as BrowserMqtt from "./BrowserMqtt.ts"

/** @since 0.2.0 */
export * as BrowserMqttConfig from "./BrowserMqttConfig.ts"

/** @since 0.2.0 */
export * as BrowserMqttPublisher from "./BrowserMqttPublisher.ts"

/** @since 0.2.0 */
export * as BrowserMqttStore from "./BrowserMqttStore.ts"

/** @since 0.2.0 */
export * as BrowserMqttSubscriber from "./BrowserMqttSubscriber.ts"

/** @since 0.2.0 */
export * as BrowserMqttTabs from "./BrowserMqttTabs.ts"

/** @since 0.1.0 */
export * as BrowserWebSocket from "./BrowserWebSocket.ts"
