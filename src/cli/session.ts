/**
 * Runs a command with its client: makes it from the flags, logs about it with `-d`, and says goodbye at the end.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { MqttClient } from "../MqttClient.ts"
import { type Connecting, layer } from "./connecting.ts"
import { TimedOut } from "./exitCode.ts"
import * as Telling from "./telling.ts"

const tellEvents = (mqtt: MqttClient["Service"]) =>
  Stream.runForEach(mqtt.events, ({ _tag, ...event }) => Effect.logDebug(_tag, event))

/**
 * Runs `use` with a client, and sends DISCONNECT at the end: a subscription of a session that is to be kept stays. It
 * also sends DISCONNECT after a failure or an interruption.
 *
 * @since 0.1.0
 * @category running
 */
export const run = <A, E, R>(
  connecting: Connecting,
  use: (mqtt: MqttClient["Service"]) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const mqtt = yield* MqttClient
    const { _tag } = yield* SubscriptionRef.get(mqtt.state)
    yield* Effect.logDebug(`${_tag === "Connected" ? "Connected" : "Connecting"} to ${connecting.server}`)
    yield* Effect.forkScoped(tellEvents(mqtt), { startImmediately: true })
    const { sessionExpiryInterval, ...others } = connecting.properties.disconnect
    const hasMore = sessionExpiryInterval !== undefined || Object.keys(others).length > 0
    const leave = hasMore
      ? mqtt.disconnectWith({
        ...others,
        ...(sessionExpiryInterval === undefined ? {} : { sessionExpiry: `${sessionExpiryInterval} seconds` })
      })
      : mqtt.disconnect
    // Before the scope of the subscriptions ends, which would unsubscribe.
    return yield* Effect.onExit(use(mqtt), () => Effect.ignore(leave))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.fresh(layer(connecting))),
    Telling.told(connecting)
  )

/**
 * Fails with `TimedOut` after this many seconds, if a number is given.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within = (seconds: number | undefined) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  seconds === undefined || seconds === 0
    ? self
    : Effect.timeoutOrElse(self, { duration: seconds * 1000, orElse: () => Effect.fail(new TimedOut()) })
