/**
 * Clients and transports for Node.
 */
export * as NodeMqtt from "./NodeMqtt.ts"
export * as NodeMqttConfig from "./NodeMqttConfig.ts"
export * as NodeMqttStore from "./NodeMqttStore.ts"
export * as NodeTcp from "./NodeTcp.ts"
export * as NodeTls from "./NodeTls.ts"
export * as NodeUnix from "./NodeUnix.ts"
export * as NodeWebSocket from "./NodeWebSocket.ts"
