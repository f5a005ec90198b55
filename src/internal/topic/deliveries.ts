/**
 * Decoded messages that the program acknowledges itself: as a stream, or the next one alone.
 *
 * A message that does not decode never reaches the program, so this module settles it: the message goes where
 * `onInvalid` says, and is then acknowledged or refused.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MqttError from "../../MqttError.ts"
import type * as MqttMessage from "../../MqttMessage.ts"
import { within } from "../nextTimeout.ts"
import { PacedLog } from "../pacedLog.ts"
import type * as ReceivingOptions from "../receivingOptions.ts"
import { type OnInvalid, payloadFormatInvalid, type Place, placing } from "./invalid.ts"
import {
  cannotPut,
  filterOf,
  type Received,
  type Receiver,
  type ShareOptions,
  type SubscribeOptions
} from "./receiving.ts"
import { checkReceiving } from "./wrongTypes.ts"

/**
 * A decoded message that the program acknowledges or refuses itself.
 *
 * @since 0.2.0
 * @category models
 */
export interface Delivery<Values, A> extends Received<Values, A>, MqttMessage.Delivery {}

/**
 * @since 0.2.0
 * @category models
 */
export interface NextOptions<R = never> extends ReceivingOptions.NextOptions, ShareOptions {
  /** Default: `"log"`. */
  readonly onInvalid?: OnInvalid<unknown, R> | undefined
}

/** Deliveries of the client. `decode` settles a message that does not decode. */
interface Source<V, A, R> {
  readonly filter: string
  readonly deliveries: Stream.Stream<MqttMessage.Delivery, MqttError.MqttError>
  readonly decode: (delivery: MqttMessage.Delivery) => Effect.Effect<Option.Option<Delivery<V, A>>, never, R>
}

const open = Effect.fnUntraced(function*<V, A, RD, R>(
  receiver: Receiver<Received<V, A>, RD>,
  options: SubscribeOptions<R>
): Effect.fn.Return<Source<V, A, RD | R>, MqttError.MqttError> {
  yield* checkReceiving(options)
  const filter = yield* Effect.fromResult(filterOf(receiver.topicFilter, options))
  const { onInvalid = "log" } = options
  const settle = settling(yield* placing({ ...receiver, onInvalid }), onInvalid === "log")
  return {
    filter,
    deliveries: receiver.mqtt.deliveries(filter, options),
    decode: ({ acknowledge, message, reject }) =>
      Effect.matchEffect(receiver.decode(message), {
        onSuccess: (received) => Effect.succeedSome({ ...received, acknowledge, reject }),
        onFailure: (error) => Effect.as(settle({ acknowledge, message, reject }, error), Option.none())
      })
  }
})

/** A handler or a dead letter that fails must not end the stream. */
const settling = <R>(place: Place<unknown, R>, isRefused: boolean) => {
  const log = cannotPut(new PacedLog())
  return (
    { acknowledge, message, reject }: MqttMessage.Delivery,
    error: MqttError.MqttDecodeError
  ): Effect.Effect<void, never, R> =>
    Effect.matchCauseEffect(place({ message, error }), {
      onSuccess: () => isRefused ? reject(payloadFormatInvalid.reasonCode) : acknowledge,
      onFailure: (cause) => {
        const failure = Cause.squash(cause)
        return failure instanceof MqttError.MqttRejected
          ? reject(failure.reasonCode)
          : Effect.andThen(log({ message, error }, cause), reject(payloadFormatInvalid.reasonCode))
      }
    })
}

export const deliveries = <V, A, RD, R = never>(
  receiver: Receiver<Received<V, A>, RD>,
  options: SubscribeOptions<R> = {}
): Stream.Stream<Delivery<V, A>, MqttError.MqttError, RD | R> =>
  Stream.unwrap(Effect.map(
    Effect.suspend(() => open(receiver, options)),
    ({ decode, deliveries }) =>
      Stream.filterMapEffect(
        deliveries,
        (delivery) => Effect.map(decode(delivery), Result.fromOption(() => undefined))
      )
  ))

export const next = <V, A, RD, R = never>(
  receiver: Receiver<Received<V, A>, RD>,
  options: NextOptions<R> = {}
): Effect.Effect<Received<V, A>, MqttError.MqttError, RD | R> =>
  // Nothing, not even an interruption, comes between the acknowledgement and the return.
  Effect.uninterruptibleMask((restore) =>
    Effect.scoped(Effect.gen(function*() {
      const source = yield* open(receiver, options)
      const { acknowledge, message, parameters, payload } = yield* restore(
        within(first(source), source.filter, options.timeout)
      )
      yield* acknowledge
      return { parameters, payload, message }
    }))
  )

/** Decodes one delivery at a time: messages behind the first that decodes stay with the client. */
const first = Effect.fnUntraced(function*<V, A, R>(
  { decode, deliveries }: Source<V, A, R>
): Effect.fn.Return<Delivery<V, A>, MqttError.MqttError, R | Scope.Scope> {
  const pull = yield* Stream.toPull(deliveries)
  while (true) {
    for (const delivery of yield* orClosed(pull)) {
      const decoded = yield* decode(delivery)
      if (Option.isSome(decoded)) return decoded.value
    }
  }
})

const orClosed = <A>(pull: Pull.Pull<A, MqttError.MqttError>): Effect.Effect<A, MqttError.MqttError> =>
  Effect.catchIf(pull, Cause.isDone, () => Effect.fail(MqttError.fromReason(new MqttError.Closed())))
