/**
 * The additional tools for tests on Node: the broker of `effect-mqtt/testing` on a port. Needs `@effect/platform-node`.
 *
 * It has a path of its own, so that programs on Node and tests without Node load no more than they use.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as NodeMemoryBroker from "./NodeMemoryBroker.ts"
