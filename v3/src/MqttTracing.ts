/**
 * Traces that cross the broker, with the spans of Effect 3's Tracer.
 */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import * as Engine from "../../engine/index.ts"
import { parentOf, referenceTo } from "./internal/host.ts"

export { TraceState } from "./internal/traceState.ts"

type Message = Engine.MqttMessage.MqttMessage
type UserProperties = Message["userProperties"]

export const fromUserProperties = (userProperties: UserProperties): Tracer.AnySpan | undefined => {
  const span = Engine.MqttTracing.fromUserProperties(userProperties)
  return span && parentOf(Engine.referenceTo(span))
}

export const toUserProperties = (span: Tracer.AnySpan, userProperties?: UserProperties): UserProperties =>
  Engine.MqttTracing.toUserProperties(Engine.spanFrom(referenceTo(span)), userProperties)

export const { attributesOf } = Engine.MqttTracing

export const withMessageSpan =
  (message: Message, options?: Engine.MqttTracing.SpanOptions) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> => {
    const described = Engine.describeSpan(Engine.MqttTracing.withMessageSpan(message, options))
    if (described === undefined) return self as Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>>
    const { attributes, kind, links, name, parent } = described
    return Effect.withSpan(self, name, {
      ...(parent === undefined ? { root: true } : { parent: parentOf(parent) }),
      links: links.map(({ attributes, ...to }) => ({ _tag: "SpanLink", span: parentOf(to), attributes })),
      kind,
      attributes,
      captureStackTrace: false
    })
  }
