/**
 * A broker in memory on a port, for tests in Node.
 */
export * as NodeMemoryBroker from "./NodeMemoryBroker.ts"
