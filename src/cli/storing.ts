/**
 * Publishing through a store: input is accepted when it is stored, and delivered while there is a connection, by this
 * run or by a later one.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { concernsOneMessage } from "../internal/problems.ts"
import type { MqttClient, OutgoingMessage } from "../MqttClient.ts"
import type { MqttError } from "../MqttError.ts"
import type * as Connecting from "./connecting.ts"
import { MessagesWait, Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Session from "./session.ts"
import * as Waiting from "./waiting.ts"

type Client = MqttClient["Service"]

interface Stored extends Connecting.Connecting {
  readonly store: { readonly path: string; readonly sync: "normal" | "full" | undefined }
}

/**
 * @since 0.2.0
 * @category constants
 */
export const flags = {
  store: Flags.optional(
    Flags.text(
      "store",
      undefined,
      "directory where messages wait for the broker, even after this run; needs -i, and -q 1 or 2"
    )
  ),
  sync: Flags.optional(
    Flags.choice(
      "sync",
      [["normal", "normal"], ["full", "full"]],
      "with full, stored messages also survive a loss of power"
    )
  )
}

/**
 * The client with the store: it goes on with the session, and need not be connected.
 *
 * @since 0.2.0
 * @category constructors
 */
export const withStore = (
  connecting: Connecting.Connecting,
  { id, idPrefix, qos, sessionExpiry, store, sync }: Pick<Connecting.Input, "id" | "idPrefix" | "sessionExpiry"> & {
    readonly store: string
    readonly sync: "normal" | "full" | undefined
    readonly qos: 0 | 1 | 2
  }
): Effect.Effect<Stored, Usage> => {
  const { client, properties: { connect } } = connecting
  if (qos === 0) return Effect.fail(new Usage({ description: "--store needs -q 1 or -q 2: QoS 0 is never stored" }))
  if (idPrefix !== undefined || (id ?? client.clientId ?? "") === "") {
    return Effect.fail(
      new Usage({
        description:
          "--store needs -i or MQTT_CLIENT_ID, because the next run finds the messages by the client identifier"
      })
    )
  }
  return Effect.succeed({
    ...connecting,
    store: { path: store, sync },
    client: {
      ...client,
      session: "persistent",
      sessionExpiry: `${sessionExpiry ?? connect.sessionExpiryInterval ?? 0xffff_ffff} seconds`,
      initialConnection: "retry"
    }
  })
}

/** Accepted messages that are unfinished, and the first error among them. */
interface Outcome {
  readonly unfinished: FiberSet.FiberSet
  failure: MqttError | undefined
}

/**
 * Completes when all of them are stored. If the server refuses a message later, that is logged, and stops no other
 * message.
 */
const accept = (mqtt: Client, outcome: Outcome) => (messages: ReadonlyArray<OutgoingMessage>) =>
  Effect.gen(function*() {
    const accepted = yield* Deferred.make<void, MqttError>()
    // The sink asks for more when it has taken all of these.
    const outgoing = Stream.concat(
      Stream.fromArray(messages),
      Stream.fromEffectDrain(Deferred.succeed(accepted, undefined))
    )
    const refused = Effect.fnUntraced(function*(error: MqttError) {
      if (yield* Deferred.fail(accepted, error)) return
      // The client has ended: the messages wait.
      if (!concernsOneMessage.has(error.reason._tag)) return
      outcome.failure ??= error
      yield* Effect.logWarning(error.message)
    })
    yield* FiberSet.run(outcome.unfinished, Effect.catch(Stream.run(outgoing, mqtt.publishSink), refused), {
      startImmediately: true
    })
    yield* Deferred.await(accepted)
  })

/** Why an attempt to connect has failed; after a connection was lost, the attempt that followed. */
const failedAttempt = (mqtt: Client): Effect.Effect<MqttError | undefined> =>
  SubscriptionRef.changes(mqtt.state).pipe(
    Stream.mapEffect((state) =>
      Effect.map(
        mqtt.stats,
        ({ connections }) =>
          state._tag === "Disconnected" && state.attempt > Math.min(1, connections) ? state.error : undefined
      )
    ),
    Stream.filter((error) => error !== undefined),
    Stream.runHead,
    Effect.map(Option.getOrUndefined)
  )

/**
 * Publishes all messages, and those left from an earlier run. It ends when everything is delivered. If the server
 * cannot be reached, it ends with `MessagesWait` once everything is stored.
 *
 * @since 0.2.0
 * @category running
 */
export const publish = <E, R>(
  connecting: Stored,
  messages: Stream.Stream<OutgoingMessage, E, R>
) =>
  Effect.gen(function*() {
    const outcome: Outcome = { unfinished: yield* FiberSet.make(), failure: undefined }
    const failure = yield* Session.run(connecting, (mqtt) =>
      Effect.gen(function*() {
        const isClosed = Effect.andThen(mqtt.closed, Effect.never)
        yield* Effect.raceFirst(Stream.runForEachArray(messages, accept(mqtt, outcome)), isClosed)
        const delivered = Effect.andThen(mqtt.flush, FiberSet.awaitEmpty(outcome.unfinished))
        return yield* Effect.raceFirst(Effect.as(delivered, undefined), failedAttempt(mqtt))
      }))
    if (failure !== undefined) yield* tellWaiting(connecting, failure)
    if (outcome.failure !== undefined) return yield* outcome.failure
  }).pipe(Effect.scoped)

const tellWaiting = ({ client, store }: Stored, failure: MqttError) =>
  Effect.flatMap(
    Waiting.of(store.path, client.clientId ?? ""),
    ({ messages }) =>
      messages === 0 ? Effect.void : Effect.fail(
        new MessagesWait({ description: `${Waiting.count(messages)} in ${store.path}: ${failure.message}` })
      )
  )
