/**
 * What tests on Node have besides `effect-mqtt/testing`: its broker on a port. Needs `@effect/platform-node`.
 *
 * A path of its own, so that neither programs that run on Node nor tests without it load what they do not use.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as NodeMemoryBroker from "./NodeMemoryBroker.ts"
