/**
 * Subscribing: the first checks, the inbox of a subscriber, and leaving again when the scope ends.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as MqttError from "../../../MqttError.ts"
import type { MqttMessage } from "../../../MqttMessage.ts"
import type * as Packet from "../../../protocol/Packet.ts"
import * as Properties from "../../../protocol/Properties.ts"
import { invalidPacket } from "../../../protocol/ProtocolError.ts"
import * as Validity from "../../../protocol/Validity.ts"
import type { SubscribeOptions } from "../../clientOptions.ts"
import { resolveBounds, type ResolvedBounds } from "../../options.ts"
import * as ReceivingTypes from "../../receivingTypes.ts"
import type { Addressee } from "../incoming/handover.ts"
import { Inbox, type InboxOptions } from "../incoming/inbox.ts"
import type { Subscribing as Receiver } from "../incoming/subscribing.ts"
import type { Lifetime } from "../lifetime.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import { wrongReceiving } from "./wrongTypes.ts"

/**
 * The messages of a subscription, as a stream that ends when the client is closed, and the QoS that was granted.
 *
 * @since 0.2.0
 * @category models
 */
export interface Subscription extends Stream.Stream<MqttMessage, MqttError.MqttError> {
  readonly topicFilters: ReadonlyArray<string>
  /** The granted QoS of each Topic Filter; the server may grant less than requested. */
  readonly granted: ReadonlyArray<Packet.Qos>
}

/** The parts of the client that subscribing needs. */
export interface Subscribing {
  readonly runner: SessionRunner<Receiver>
  readonly lifetime: Lifetime
  readonly buffer: ResolvedBounds
  /** Shared by all subscribers: with 10,000 of them, each would otherwise take a round of the event loop's queue. */
  readonly dispatcher: InboxOptions<never>["dispatcher"]
  /** Releases something later, unless the client has ended by then. */
  readonly linger: (release: () => void) => Effect.Effect<void>
}

export const make = (client: Subscribing) =>
  Effect.fnUntraced(function*(
    topicFilter: string | ReadonlyArray<string>,
    options: SubscribeOptions = {}
  ): Effect.fn.Return<Subscription, MqttError.MqttError, Scope.Scope> {
    const wrong = wrongReceiving(
      { topicFilter, options, fields: ReceivingTypes.subscribe },
      client.runner.protocolVersion
    )
    if (wrong !== undefined) return yield* wrong
    const inbox = makeInbox<MqttMessage>(client, options)
    const subscriptions = toSubscriptions(topicFilter, options)
    const subscriber = { acknowledges: "onArrival", inbox } as const
    const granted = yield* join(client, subscriptions, subscriber, options)
    return Object.assign(Stream.fromPull(Effect.succeed(inbox.pull)), {
      topicFilters: subscriptions.map((subscription) => subscription.topicFilter),
      granted
    })
  })

export const makeInbox = <A>(
  { buffer, dispatcher, runner }: Subscribing,
  options: SubscribeOptions,
  listeners: Pick<InboxOptions<A>, "onDropped" | "onPulled"> = {}
): Inbox<A> =>
  new Inbox<A>({
    bounds: resolveBounds(options.buffer, buffer),
    dispatcher,
    gate: runner.gate,
    receiveMaximum: runner.receiveMaximum,
    ...listeners
  })

/**
 * Joins every filter until the scope ends, and waits for the server's answers. If the server refuses one filter, the
 * subscriber leaves all.
 */
export const join = Effect.fnUntraced(function*(
  { lifetime, linger, runner }: Subscribing,
  subscriptions: ReadonlyArray<Packet.Subscription>,
  subscriber: Addressee,
  options: SubscribeOptions
): Effect.fn.Return<ReadonlyArray<Packet.Qos>, MqttError.MqttError, Scope.Scope> {
  const topicFilters = subscriptions.map((subscription) => subscription.topicFilter)
  let stopWaiting = () => {}
  const leave = Effect.suspend(() => {
    const release = runner.subscriptions.leave(topicFilters, subscriber)
    subscriber.inbox.end(Cause.Done())
    stopWaiting()
    return release === undefined ? Effect.void : linger(release)
  })
  // A scope of its own: the caller's scope may go on, and must keep nothing of a subscriber that failed to join.
  const scope = yield* Effect.flatMap(Effect.scope, Scope.fork)
  yield* Scope.addFinalizer(scope, leave)
  const granted = Effect.callback<ReadonlyArray<Packet.Qos>, MqttError.MqttError>((resume) => {
    // Looked at in the step in which the subscriber enters: before, this fiber may give way to one that closes the client.
    if (lifetime.closedBy !== undefined) return resume(Effect.fail(lifetime.closedBy))
    const invalid = check(runner, subscriptions, options.userProperties)
    if (invalid !== undefined) return resume(Effect.fail(MqttError.fromReason(invalid)))
    // The scope may end before the server has answered, and nobody hears an answer after that.
    stopWaiting = () => resume(Effect.interrupt)
    enter(runner, subscriptions, subscriber, options, resume)
  })
  return yield* Effect.onError(granted, (cause) => Scope.close(scope, Exit.failCause(cause)))
})

export const toSubscriptions = (
  topicFilter: string | ReadonlyArray<string>,
  options: SubscribeOptions
): ReadonlyArray<Packet.Subscription> =>
  [...new Set(typeof topicFilter === "string" ? [topicFilter] : topicFilter)].map((topicFilter) => ({
    topicFilter,
    qos: options.qos ?? 0,
    noLocal: options.noLocal ?? false,
    retainAsPublished: options.retainAsPublished ?? false,
    retainHandling: options.retainHandling ?? 0
  }))

const check = (
  runner: SessionRunner<Receiver>,
  subscriptions: ReadonlyArray<Packet.Subscription>,
  userProperties: SubscribeOptions["userProperties"]
): MqttError.InvalidRequest | undefined => {
  const protocolVersion = runner.protocolVersion
  const properties = userProperties === undefined ? Properties.none : { userProperties }
  const packet = { _tag: "Subscribe", packetIdentifier: 1, subscriptions, properties } as const
  const invalid = Validity.checkSubscribe(packet, { protocolVersion, sender: "client" })
  if (invalid !== undefined) return MqttError.InvalidRequest.from(invalid)
  const conflict = subscriptions.find((subscription) => runner.subscriptions.conflicts(subscription))
  if (conflict === undefined) return undefined
  return MqttError.InvalidRequest.from(invalidPacket(
    protocolVersion,
    "3.8.4-3",
    "topicFilter",
    `"${conflict.topicFilter}" is already subscribed to with other options, which one subscription cannot serve; use ` +
      "the same noLocal and retainAsPublished, or a second client"
  ))
}

/** Adds the subscriber to all filters, and resumes with the server's answer for each. */
const enter = (
  runner: SessionRunner<Receiver>,
  subscriptions: ReadonlyArray<Packet.Subscription>,
  subscriber: Addressee,
  { askForRetained, userProperties }: SubscribeOptions,
  resume: (granted: Effect.Effect<ReadonlyArray<Packet.Qos>, MqttError.MqttError>) => void
): void => {
  const granted: Array<Packet.Qos> = []
  let open = subscriptions.length
  runner.subscriptions.addAll(
    subscriptions.map((options, index) => ({
      options,
      userProperties,
      asksForRetained: askForRetained,
      waiting: {
        granted: (qos) => {
          granted[index] = qos
          if (--open === 0) resume(Effect.succeed(granted))
        },
        failed: (error) => resume(Effect.fail(error))
      }
    })),
    subscriber
  )
}
