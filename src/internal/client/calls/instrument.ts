/**
 * Observes each message of a client: spans and measured times. A client without observers has no instrument.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type { Message } from "../../../protocol/Session.ts"
import type { Settled } from "../outgoing/awaited.ts"

/** A publish as it goes on: the message to send, and the listener for its outcome. */
export interface Observed {
  readonly message: Message
  readonly settled: Settled
}

export type Handler<E, R> = (message: MqttMessage) => Effect.Effect<unknown, E, R>

export interface Instrument {
  /** Observes a publish, in the fiber that publishes. */
  readonly publish: (message: Message, settled: Settled) => Observed
  /** Observes the messages of a handler, one after another. */
  readonly handler: <E, R>(topicFilter: string | ReadonlyArray<string>, handler: Handler<E, R>) => Handler<E, R>
}

/**
 * Makes the instrument of a client for as long as the scope, labelled with these attributes. If there is already an
 * instrument, the new one does its work too.
 */
export type MakeInstrument = (
  attributes: Readonly<Record<string, string>>,
  tracing: Instrument | undefined
) => Effect.Effect<Instrument | undefined, never, Scope.Scope>

/** Only a layer of `MqttMetrics` changes it: a program without that layer does not load the code that measures. */
export const Measuring = Context.Reference<MakeInstrument>("effect-mqtt/internal/Measuring", {
  defaultValue: () => (_attributes, tracing) => Effect.succeed(tracing)
})
