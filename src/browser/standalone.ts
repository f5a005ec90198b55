/**
 * A client in one file, for pages without a bundler: `<script type="module">` imports it and nothing else. It has the
 * modules of `effect` that such a page needs, so it is not for programs that import `effect` themselves.
 *
 * @since 0.2.0
 */

/** @since 0.2.0 */
export * as Duration from "effect/Duration"

/** @since 0.2.0 */
export * as Effect from "effect/Effect"

/** @since 0.2.0 */
export * as Layer from "effect/Layer"

/** @since 0.2.0 */
export * as Redacted from "effect/Redacted"

/** @since 0.2.0 */
export * as Schedule from "effect/Schedule"

/** @since 0.2.0 */
export * as Stream from "effect/Stream"

/** @since 0.2.0 */
export * as SubscriptionRef from "effect/SubscriptionRef"

/** @since 0.2.0 */
export * as MqttClient from "../MqttClient.ts"

/** @since 0.2.0 */
export * as MqttError from "../MqttError.ts"

/** @since 0.2.0 */
export * as BrowserMqtt from "./BrowserMqtt.ts"
