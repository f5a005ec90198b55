/**
 * The tools for testing programs that use MQTT: a network in virtual time and a broker in memory.
 *
 * @since 0.1.0
 */
/** @since 0.1.0 */
export * as FakeNetwork from "./FakeNetwork.ts"
/** @since 0.1.0 */
export * as ScriptedServer from "./ScriptedServer.ts"
/** @since 0.1.0 */
export * as MemoryBroker from "./MemoryBroker.ts"
/** @since 0.2.0 */
export * as StoreSuite from "./StoreSuite.ts"
