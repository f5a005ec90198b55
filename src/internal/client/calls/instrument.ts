/**
 * What observes each message of a client: spans, and the measuring of times. A client without any has none of it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { Settled } from "../outgoing/awaited.ts"

/** A publish as it goes on: what is sent, and who hears how it ends. */
export interface Observed {
  readonly message: Message
  readonly settled: Settled
}

export type Handler<E, R> = (message: MqttMessage) => Effect.Effect<unknown, E, R>

export interface Instrument {
  /** Of the fiber that publishes. */
  readonly publish: (message: Message, settled: Settled) => Observed
  /** Of one message after the other. */
  readonly handler: <E, R>(topicFilter: string | ReadonlyArray<string>, handler: Handler<E, R>) => Handler<E, R>
}

/**
 * Makes the instrument of a client, which is labelled with these attributes, for as long as the scope. It also does what an
 * instrument does that is there already.
 */
export type MakeInstrument = (
  attributes: Readonly<Record<string, string>>,
  tracing: Instrument | undefined
) => Effect.Effect<Instrument | undefined, never, Scope.Scope>

/** A layer of `MqttMetrics` is the only one to change it: a program without that layer does not load what it measures with. */
export const Measuring = Context.Reference<MakeInstrument>("effect-mqtt/internal/Measuring", {
  defaultValue: () => (_attributes, tracing) => Effect.succeed(tracing)
})
