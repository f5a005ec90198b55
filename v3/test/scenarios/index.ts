/**
 * Stands for `src/index.ts` in tests of the main package.
 */
export * from "../../../src/index.ts"
export * as MqttClient from "./MqttClient.ts"
