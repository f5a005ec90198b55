/**
 * Spans of a client that traces: one for each publish, and one for each message that a handler processes.
 *
 * `MqttTracing` defines the contents of a span and how its context travels. A client that does not trace loads none of
 * this.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import type * as Tracer from "effect/Tracer"
import * as MqttTracing from "../../../MqttTracing.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { Resolved } from "../../options.ts"
import type { Settled } from "../outgoing/awaited.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import type { Handler, Instrument, Observed } from "./instrument.ts"

export class Tracing implements Instrument {
  readonly #runner: SessionRunner
  readonly #options: Resolved
  readonly #tracing: Required<NonNullable<Resolved["tracing"]>>

  constructor(runner: SessionRunner, options: Resolved, tracing: NonNullable<Resolved["tracing"]>) {
    this.#runner = runner
    this.#options = options
    this.#tracing = tracing
  }

  /** In the fiber that publishes. The span ends once the outcome of the publish is known. */
  publish(message: Message, settled: Settled): Observed {
    const context = Fiber.getCurrent()?.context ?? Context.empty()
    const span = Effect.runSyncWith(context)(Effect.makeSpan("publish", {
      kind: "producer",
      attributes: {
        ...MqttTracing.attributesOf(message),
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.client.id": this.#options.clientId
      }
    }))
    const end = ending(span, context)
    return {
      message: this.#mayPropagate ? withContext(message, span) : message,
      settled: (exit) => {
        end(exit)
        settled(exit)
      }
    }
  }

  /** 3.1.1 has no User Properties, and with `"auto"` a message that waits may still go to such a server. */
  get #mayPropagate(): boolean {
    if (!this.#tracing.propagate || this.#runner.protocolVersion === "3.1.1") return false
    return this.#options.protocolVersion === "5.0" || this.#runner.connections > 0
  }

  /** Observes one message after another, each in a span of its own. */
  handler<E, R>(topicFilter: string | ReadonlyArray<string>, handler: Handler<E, R>): Handler<E, R> {
    const { consume } = this.#tracing
    const filters = typeof topicFilter === "string" ? [topicFilter] : topicFilter
    const attributes = { "messaging.client.id": this.#options.clientId }
    const options = { consume, attributes, ...(filters.length === 1 ? { topicFilter: filters[0] } : {}) }
    return (message) => Effect.suspend(() => handler(message)).pipe(MqttTracing.withMessageSpan(message, options))
  }
}

const withContext = (message: Message, span: Tracer.Span): Message => {
  const given = message.properties.userProperties
  const userProperties = MqttTracing.toUserProperties(span, given)
  // A span that nothing traces has no context.
  if (userProperties.length === 0 || userProperties === given) return message
  return { ...message, properties: { ...message.properties, userProperties } }
}

const ending = (span: Tracer.Span, context: Context.Context<never>) => {
  const clock = Context.get(context, Clock.Clock)
  const isTimed = Context.get(context, References.TracerTimingEnabled)
  return (exit: Parameters<Settled>[0]): void => {
    if (Exit.isSuccess(exit)) {
      span.attribute("mqtt.reason_code", exit.value.reasonCode)
    } else {
      const error = Exit.findError(exit)
      if (error._tag === "Success") span.attribute("error.type", error.success.reason._tag)
    }
    span.end(isTimed ? clock.currentTimeNanosUnsafe() : 0n, exit)
  }
}
