/**
 * An MQTT broker in memory, 3.1.1 and 5.0, for tests: it follows the specification and notes every rule the client
 * breaks.
 *
 * It has sessions, QoS 0 to 2 in both directions, retained messages, Wills, shared subscriptions, limits and
 * authentication. A test can make it misbehave, and can read everything it has seen. The network in front of it is
 * `FakeNetwork`. It keeps everything in memory for as long as it lives and is no broker for production.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { MqttTransport } from "../MqttTransport.ts"
import type * as Packet from "../protocol/Packet.ts"
import { none, type Properties } from "../protocol/Properties.ts"
import type { ReasonCode } from "../protocol/ReasonCode.ts"
import * as Topic from "../protocol/Topic.ts"
import * as Broker from "./broker/Broker.ts"
import * as Conduct from "./broker/Conduct.ts"
import type { Answer, Connection } from "./broker/Connection.ts"
import * as Core from "./broker/Core.ts"
import * as Delivery from "./broker/Delivery.ts"
import type { Passed } from "./broker/Journal.ts"
import * as Lifecycle from "./broker/Lifecycle.ts"
import * as Message from "./broker/Message.ts"
import * as Misbehaviour from "./broker/Misbehaviour.ts"
import type * as BrokerOptions from "./broker/Options.ts"
import type { Session as SessionState } from "./broker/Session.ts"
import type { Violation } from "./broker/Violations.ts"
import * as FakeNetwork from "./FakeNetwork.ts"
import * as Timeline from "./network/Timeline.ts"

export type { Answer } from "./broker/Connection.ts"
export type { Passed } from "./broker/Journal.ts"
export type { Message } from "./broker/Message.ts"
export type { RefusalOptions } from "./broker/Misbehaviour.ts"
export type {
  AuthenticationAnswer,
  AuthenticationStep,
  Options as BrokerOptions,
  Redelivery
} from "./broker/Options.ts"
export type { Violation } from "./broker/Violations.ts"

/**
 * A session as the test sees it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Session {
  readonly clientId: string
  readonly isConnected: boolean
  readonly subscriptions: ReadonlyArray<Packet.Subscription & { readonly subscriptionIdentifier: number | undefined }>
  /** Messages that wait for the client or its window. */
  readonly queued: number
  /** Messages to the client that it has not completely acknowledged. */
  readonly inflight: number
  /** Seconds; 4,294,967,295 for ever. */
  readonly expiryInterval: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends BrokerOptions.Options, FakeNetwork.Options {}

/**
 * Which packets to wait for, perhaps by their type.
 *
 * @since 0.1.0
 * @category models
 */
export type PacketPredicate = Packet.PacketType | ((packet: Packet.Packet) => boolean)

/**
 * A message that the broker publishes by itself. QoS 0 and not retained if not said.
 *
 * @since 0.1.0
 * @category models
 */
export interface PublishOptions {
  readonly qos?: Packet.Qos | undefined
  readonly retain?: boolean | undefined
  readonly properties?: Properties | undefined
}

/**
 * A message that the broker sends to one client. QoS 0 and no Subscription Identifier if not said.
 *
 * @since 0.2.0
 * @category models
 */
export interface DeliverOptions extends Omit<PublishOptions, "retain"> {
  /** May include identifiers that the client never gave. 5.0. */
  readonly subscriptionIdentifiers?: ReadonlyArray<number> | undefined
}

/**
 * Lets a test control the broker and read everything it has seen.
 *
 * @since 0.1.0
 * @category services
 */
export class MemoryBroker extends Context.Service<MemoryBroker, {
  /** Serves one more network connection. It is for other networks than the one `layer` makes. */
  readonly accept: FakeNetwork.Accept

  // Everything it has seen
  /** The rules the clients broke, in order. */
  readonly violations: Effect.Effect<ReadonlyArray<Violation>>
  /** The packets of one client, or of all, in both directions and in order. */
  readonly packets: (clientId?: string) => Effect.Effect<ReadonlyArray<Passed>>
  /** The packets that came, of one client or of all. */
  readonly received: (clientId?: string) => Effect.Effect<ReadonlyArray<Packet.ClientPacket>>
  /** The messages that were accepted, in order, Wills among them. */
  readonly messages: Effect.Effect<ReadonlyArray<Message.Message>>
  /** The sessions there are, with their subscriptions, connected or not. */
  readonly sessions: Effect.Effect<ReadonlyArray<Session>>
  /** The session of one client, if it has one. */
  readonly session: (clientId: string) => Effect.Effect<Session | undefined>
  /** The retained messages, the oldest topic first. */
  readonly retained: Effect.Effect<ReadonlyArray<Message.Message>>
  /** How much is about to happen: Wills, expiries, Keep Alives, delayed answers. 0 when the broker is at rest. */
  readonly pending: Effect.Effect<number>
  /** Waits until this client has sent such a packet, `count` of them if given; packets that have come already count. */
  readonly awaitPacket: (clientId: string, predicate: PacketPredicate, count?: number) => Effect.Effect<Packet.Packet>
  /** Waits until `count` messages to matching topics have been accepted since the broker was made. */
  readonly awaitMessages: (topicFilter: string, count?: number) => Effect.Effect<ReadonlyArray<Message.Message>>

  // Actions of the broker itself
  /** The broker publishes something. */
  readonly publish: (topic: string, payload: string | Uint8Array, options?: PublishOptions) => Effect.Effect<void>
  /** The broker sends a message to one client, whether or not it is subscribed, like any other of its session. */
  readonly deliver: (
    clientId: string,
    topic: string,
    payload: string | Uint8Array,
    options?: DeliverOptions
  ) => Effect.Effect<void>
  /** Ends the client's connection, in 5.0 with this DISCONNECT. */
  readonly disconnectClient: (
    clientId: string,
    reasonCode: ReasonCode,
    properties?: Properties
  ) => Effect.Effect<void>
  /** Closes the client's connection without a word. */
  readonly kick: (clientId: string) => Effect.Effect<void>
  /** Every connection is reset; sessions and retained messages are kept or gone. */
  readonly restart: (options: { readonly keepSessions: boolean }) => Effect.Effect<void>
  /** Ends a session that is not connected, as if it had expired. */
  readonly expireSession: (clientId: string) => Effect.Effect<void>

  // How it misbehaves
  /** For this long the broker reads nothing and writes nothing, on no connection; then it goes on. */
  readonly stall: (duration: Duration.Input) => Effect.Effect<void>
  /** The next CONNECTs, one if not said, are refused with this code. */
  readonly refuseSession: (reasonCode: ReasonCode, options?: Misbehaviour.RefusalOptions) => Effect.Effect<void>
  /** The next CONNECTs, one if not said, are never answered. */
  readonly ignoreConnect: (times?: number) => Effect.Effect<void>
  /** The next CONNACK says this of the session, true or not. */
  readonly lieAboutSessionPresent: (sessionPresent: boolean) => Effect.Effect<void>
  /** The next Topic Filters, one if not said, are refused. In 3.1.1 the code on the wire is always 0x80. */
  readonly refuseSubscribe: (reasonCode: ReasonCode, times?: number) => Effect.Effect<void>
  /** From now on no subscription is granted a higher QoS. */
  readonly downgradeSubscribe: (qos: Packet.Qos) => Effect.Effect<void>
  /** Answers go out this much later from now on, in their order. */
  readonly delayAnswers: (delay: Duration.Input) => Effect.Effect<void>
  /** Keeps answers of these types until they are released; answers to PUBLISH and PUBREL if not said. */
  readonly holdAcknowledgements: (...types: ReadonlyArray<Answer["_tag"]>) => Effect.Effect<void>
  /** Sends the held answers of these types, of all types if not said, and stops holding them. */
  readonly releaseAcknowledgements: (...types: ReadonlyArray<Answer["_tag"]>) => Effect.Effect<void>
  /** The connection on which a message to a matching topic comes is closed, and the message is not accepted. */
  readonly closeWhenSeeing: (topicFilter: string, times?: number) => Effect.Effect<void>
  /** Closes the connection on which a client subscribes to this filter, without an answer. Default: every time. */
  readonly closeWhenSubscribing: (topicFilter: string, times?: number) => Effect.Effect<void>
  /** Closes the connection on which a client unsubscribes from this filter, without an answer. Default: every time. */
  readonly closeWhenUnsubscribing: (topicFilter: string, times?: number) => Effect.Effect<void>
  /** Closes the connection on which the PUBREL of a message to a matching topic comes. Default: every time. */
  readonly closeWhenReleasing: (topicFilter: string, times?: number) => Effect.Effect<void>
  /**
   * The client's process was started anew and knows nothing of its messages in flight: forgetting them is no violation.
   */
  readonly forgive: (clientId: string) => Effect.Effect<void>
}>()("effect-mqtt/testing/MemoryBroker") {}

const viewOf = (session: SessionState): Session => ({
  clientId: session.clientId,
  isConnected: session.connection !== undefined,
  subscriptions: [...session.subscriptions.values()].map(({ subscription, subscriptionIdentifier }) => ({
    ...subscription,
    subscriptionIdentifier
  })),
  queued: session.queue.length,
  inflight: session.inflight.size,
  expiryInterval: session.expiryInterval
})

const matcher = (predicate: PacketPredicate): (packet: Packet.Packet) => boolean =>
  typeof predicate === "function" ? predicate : (packet) => packet._tag === predicate

/** The calls that read the broker's state. */
const questions = (core: Core.Core) => {
  const { journal } = core
  const packetsOf = (clientId: string | undefined): ReadonlyArray<Passed> =>
    journal.passed().filter((passed) => clientId === undefined || passed.clientId === clientId)
  const receivedFrom = (clientId: string | undefined): ReadonlyArray<Packet.ClientPacket> =>
    packetsOf(clientId)
      .filter(({ direction }) => direction === "received")
      .map(({ packet }) => packet as Packet.ClientPacket)

  return {
    violations: Effect.sync(() => [...core.violations]),
    packets: (clientId?: string) => Effect.sync(() => packetsOf(clientId)),
    received: (clientId?: string) => Effect.sync(() => receivedFrom(clientId)),
    messages: Effect.sync(() => [...journal.messages()]),
    sessions: Effect.sync(() => [...core.sessions.values()].map(viewOf)),
    session: (clientId: string) =>
      Effect.sync(() => {
        const session = core.sessions.get(clientId)
        return session === undefined ? undefined : viewOf(session)
      }),
    retained: Effect.sync(() => [...core.retained.values()]),
    pending: Effect.sync(core.timeline.pending),
    awaitPacket: (clientId: string, predicate: PacketPredicate, count = 1) =>
      Effect.suspend(() => {
        const matches = matcher(predicate)
        const isAsked = (passed: Passed): boolean =>
          passed.clientId === clientId && passed.direction === "received" && matches(passed.packet)
        return Effect.map(journal.awaitPassed(isAsked, count), (found) => found[count - 1].packet)
      }),
    awaitMessages: (topicFilter: string, count = 1) =>
      journal.awaitMessages(({ topic }) => Topic.matches(topicFilter, topic), count)
  }
}

/** A message of the broker itself. */
const ownMessage = (
  core: Core.Core,
  topic: string,
  payload: string | Uint8Array,
  { properties = none, qos = 0, retain = false }: PublishOptions
): Message.Message => {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload
  return Message.make({ topic, payload: bytes, qos, retain, properties, clientId: undefined, acceptedAt: core.now() })
}

/** The calls that make the broker do something by itself. */
const actions = (core: Core.Core) => {
  const withConnection = (clientId: string, run: (connection: Connection) => void): Effect.Effect<void> =>
    Core.input(core, () => {
      const session = core.sessions.get(clientId)
      const connection = session === undefined ? undefined : Core.connectionOf(core, session)
      if (connection !== undefined) run(connection)
    })
  const withSession = (clientId: string, run: (session: SessionState) => void): Effect.Effect<void> =>
    Core.input(core, () => {
      const session = core.sessions.get(clientId)
      if (session !== undefined) run(session)
    })

  return {
    publish: (topic: string, payload: string | Uint8Array, options: PublishOptions = {}) =>
      Core.input(core, () => {
        Delivery.accept(core, ownMessage(core, topic, payload, options))
      }),
    deliver: (clientId: string, topic: string, payload: string | Uint8Array, options: DeliverOptions = {}) =>
      withSession(clientId, (session) => {
        const { qos = 0, subscriptionIdentifiers = [] } = options
        const message = ownMessage(core, topic, payload, options)
        Delivery.deliver(core, session, { message, qos, retain: false, subscriptionIdentifiers })
      }),
    disconnectClient: (clientId: string, reasonCode: ReasonCode, properties?: Properties) =>
      withConnection(clientId, (connection) => Lifecycle.disconnect(core, connection, reasonCode, properties)),
    kick: (clientId: string) => withConnection(clientId, (connection) => Lifecycle.end(core, connection, "close")),
    restart: ({ keepSessions }: { readonly keepSessions: boolean }) =>
      Core.input(core, () => {
        for (const session of core.sessions.values()) session.will = undefined
        for (const connection of core.connections) Lifecycle.end(core, connection, "reset")
        if (keepSessions) return
        for (const session of core.sessions.values()) Lifecycle.endSession(core, session)
        core.retained.clear()
      }),
    expireSession: (clientId: string) =>
      withSession(clientId, (session) => {
        if (session.connection === undefined) Lifecycle.endSession(core, session)
      }),
    forgive: (clientId: string) => withSession(clientId, Conduct.forget)
  }
}

/**
 * A broker without a network: `accept` serves connections of any network.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: BrokerOptions.Options = {}): Effect.Effect<MemoryBroker["Service"], never, Scope.Scope> =>
  Effect.map(Timeline.make, (timeline) => {
    const core = Core.make(options, timeline)
    return MemoryBroker.of({
      accept: (peer) => Broker.serve(core, peer),
      ...questions(core),
      ...actions(core),
      ...Misbehaviour.make(core)
    })
  })

/**
 * A broker behind a fake network.
 *
 * **Example** (A program and an outage)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { FakeNetwork, MemoryBroker } from "effect-mqtt/testing"
 *
 * const test = Effect.gen(function*() {
 *   const network = yield* FakeNetwork.FakeNetwork
 *   const broker = yield* MemoryBroker.MemoryBroker
 *   yield* broker.publish("alarm", "fire", { qos: 1 })
 *   yield* network.drop
 *   return yield* broker.violations
 * }).pipe(Effect.provide(MemoryBroker.layer({ latency: "10 millis" })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<MqttTransport | FakeNetwork.FakeNetwork | MemoryBroker> =>
  Layer.unwrap(
    Effect.map(make(options), (broker) =>
      Layer.merge(FakeNetwork.layer(broker.accept, options), Layer.succeed(MemoryBroker)(broker)))
  )
