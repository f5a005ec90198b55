/**
 * Support for tests of programs that use MQTT: a network in virtual time and a broker in memory.
 */
export * as FakeNetwork from "./FakeNetwork.ts"
export * as MemoryBroker from "./MemoryBroker.ts"
export * as StoreSuite from "./StoreSuite.ts"
