/**
 * The client for programs that do not know Effect 4: effects, streams and scopes of the client come out as functions that
 * take callbacks, and what a program gives goes in the same way. It adds no behaviour.
 *
 * It is bundled with the parts of Effect 4 that it needs into the package for Effect 3.
 */
export type { Context } from "effect/Context"
export type { Effect } from "effect/Effect"
export type { Layer } from "effect/Layer"
export type { Schedule } from "effect/Schedule"
export type { Scope } from "effect/Scope"
export type { Sink } from "effect/Sink"
export type { Stream } from "effect/Stream"
export type { SubscriptionRef } from "effect/SubscriptionRef"

export * from "./Caller.ts"
export * from "./Configs.ts"
export * from "./FromHost.ts"
export * from "./Host.ts"
export * from "./Outcome.ts"
export * from "./Recognize.ts"
export * from "./Run.ts"
export * from "./Schemas.ts"
export { currentHostSpan, inSpan } from "./Spans.ts"
export type { HostSpan, MakeSpan, SpanOptions, SpanReference } from "./Spans.ts"

export { add as addService, empty as noServices, get as serviceOf, merge as mergeServices } from "effect/Context"
export { provideContext } from "effect/Effect"
export { build } from "effect/Layer"

export * as KeyValueMqttStore from "../src/KeyValueMqttStore.ts"
export * as MqttAuthentication from "../src/MqttAuthentication.ts"
export * as MqttClient from "../src/MqttClient.ts"
export * as MqttConfig from "../src/MqttConfig.ts"
export * as MqttError from "../src/MqttError.ts"
export * as MqttMessage from "../src/MqttMessage.ts"
export * as MqttMetrics from "../src/MqttMetrics.ts"
export type * as MqttState from "../src/MqttState.ts"
export * as MqttStore from "../src/MqttStore.ts"
export * as MqttTopic from "../src/MqttTopic.ts"
export * as MqttTracing from "../src/MqttTracing.ts"
export * as MqttTransport from "../src/MqttTransport.ts"
export * as NodeMqtt from "../src/node/NodeMqtt.ts"
export * as NodeMqttConfig from "../src/node/NodeMqttConfig.ts"
export * as FakeNetwork from "../src/testing/FakeNetwork.ts"
export * as MemoryBroker from "../src/testing/MemoryBroker.ts"
