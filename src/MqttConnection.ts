/**
 * MQTT on one network connection: the handshake, packets in and out, Keep Alive, a clean end. Usable alone.
 *
 * No reconnection, no retransmission and no session: those are `MqttClient`'s. When the connection ends, it is over.
 * MQTT 5.0 and 3.1.1, sections 3.1, 3.2, 3.12 to 3.14.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as failures from "./internal/connection/failures.ts"
import * as Link from "./internal/connection/link.ts"
import * as PacketLog from "./internal/connection/packetLog.ts"
import * as Traffic from "./internal/connection/traffic.ts"
import * as MqttError from "./MqttError.ts"
import type * as MqttState from "./MqttState.ts"
import { MqttTransport, type NetworkConnection } from "./MqttTransport.ts"
import * as Connection from "./protocol/Connection.ts"
import type * as Packet from "./protocol/Packet.ts"
import * as Properties from "./protocol/Properties.ts"
import type { InvalidPacket, ProtocolViolation } from "./protocol/ProtocolError.ts"
import type { ServerLimits } from "./protocol/ServerLimits.ts"
import * as Validity from "./protocol/Validity.ts"

/**
 * What CONNECT says, and how long to wait for whom.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Default: `"5.0"`. */
  readonly protocolVersion?: Packet.ProtocolVersion | undefined
  /** Default: empty, which asks the server to assign one (5.0) or to keep no session (3.1.1). */
  readonly clientId?: string | undefined
  /** Clean Start, in 3.1.1 Clean Session. Default: `true`. */
  readonly cleanStart?: boolean | undefined
  /** Whole seconds; 0 switches it off. A Server Keep Alive replaces it. Default: 60 seconds. */
  readonly keepAlive?: Duration.Input | undefined
  /** How long either direction may be quiet before a ping. Default: a quarter of the Keep Alive in force. */
  readonly pingInterval?: Duration.Input | undefined
  readonly will?: Packet.Will | undefined
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted<string | Uint8Array> | undefined
  /** CONNECT properties, 5.0 only. `maximumPacketSize` is announced and enforced; see below for 3.1.1. */
  readonly properties?: Properties.Properties | undefined
  /** The largest packet we read, bytes. Announced to a 5.0 server, enforced always. Default: 1 MiB. */
  readonly maximumPacketSize?: number | undefined
  /**
   * How long a packet may take to arrive once it has begun; time in which nobody pulls does not count. Default: a minute
   * for each MiB of `maximumPacketSize`, and no less than one.
   */
  readonly packetTimeout?: Duration.Input | undefined
  /** For network connection and CONNACK together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** Answers AUTH of the server, 5.0 section 4.12. `properties` name the method. Default: no answer. */
  readonly authenticate?:
    | ((auth: Packet.Auth) => Effect.Effect<Packet.Auth | undefined, MqttError.MqttError>)
    | undefined
  /**
   * Topic Aliases that are assigned to what is published, as far as the server takes them: the least recently used is
   * given away. Without them a PUBLISH may bring an alias of its own. Default: 0.
   */
  readonly outgoingTopicAliasMaximum?: number | undefined
  /** Connects to the server this names instead, which takes a transport that can. 5.0 section 4.11. */
  readonly serverReference?: string | undefined
  /** Called before each write, when the network takes more: the moment to `enqueue` what else there is to send. */
  readonly fill?: (() => void) | undefined
  /** Counts what goes over this connection too, such as the connections before it. Default: counters of its own. */
  readonly traffic?: Traffic.Counters | undefined
  /** How long the last bytes may take to leave when the connection is ended from this side. Default: 1 second. */
  readonly drainTimeout?: Duration.Input | undefined
}

/**
 * One MQTT connection that a server has accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface MqttConnection {
  readonly protocolVersion: Packet.ProtocolVersion
  readonly connack: Packet.Connack
  /** The one the server assigned, or ours. */
  readonly clientId: string
  /** The Keep Alive in force, seconds. */
  readonly keepAlive: number
  readonly limits: ServerLimits
  /**
   * Sends a packet; completes when the network took it. CONNECT and DISCONNECT are sent by `make` and `disconnect`.
   * Fails with `InvalidRequest` when the packet cannot be said in MQTT, with `ServerLimit` when the server announced
   * that it does not take it, with `Closed` after `disconnect`, or with what ended the connection.
   */
  readonly send: (
    packet: Exclude<Packet.ClientPacket, Packet.Connect | Packet.Disconnect>
  ) => Effect.Effect<void, MqttError.MqttError>
  /**
   * The next packets for whoever keeps the session, in the order they came; answering them is the caller's. Nothing is
   * read from the network, and silence does not count against the server, while nobody pulls.
   */
  readonly pull: Effect.Effect<ReadonlyArray<Connection.SessionPacket>, MqttError.MqttError>
  /** Asks the server for a sign of life; completes when anything is heard, which takes somebody who pulls. */
  readonly ping: Effect.Effect<void, MqttError.MqttError>
  /**
   * Sends DISCONNECT and ends the connection. Default reason: 0x00, so the server drops the Will. Fails with
   * `InvalidRequest`, and ends nothing, when DISCONNECT cannot say that.
   */
  readonly disconnect: (
    options?: { readonly reasonCode?: number | undefined; readonly properties?: Properties.Properties | undefined }
  ) => Effect.Effect<void, MqttError.MqttError>
  /** Ends the connection without DISCONNECT: the server publishes the Will. */
  readonly abort: Effect.Effect<void>
  /** Fails with what ended the connection, as soon as it has ended. */
  readonly ended: Effect.Effect<never, MqttError.MqttError>
  /** Ends the connection for a reason of the caller's, which everything pending fails with. */
  readonly fail: (error: MqttError.MqttError, reasonCode?: number) => Effect.Effect<void>
  /** Ends the connection because the server broke a rule that the session keeps. */
  readonly violated: (violation: ProtocolViolation) => Effect.Effect<void>
  /** Encodes a packet into what leaves at the end of this turn, or says why it cannot be written. */
  readonly enqueue: (packet: Packet.ClientPacket) => InvalidPacket | undefined
  /** Asks for a write, and with it for `fill`. */
  readonly wake: () => void
  /**
   * Calls back when the network took all that was enqueued so far, or, with `begun`, when the connection ended and
   * nobody knows how much of it went out. Neither when it ended before the write began.
   */
  readonly onWritten: (written: () => void, begun?: () => void) => void
  /** Bytes enqueued that the network has not taken. */
  readonly unsent: () => number
  /** Milliseconds of the clock that deadlines count in. */
  readonly now: () => number
  /** Milliseconds since anything was heard. */
  readonly silence: () => number
  /** What went over it so far. */
  readonly traffic: () => MqttState.Traffic
}

const defaultMaximumPacketSize = 1_048_576

/** The largest packet at 17 kB/s: slower than any network that is worth sending it over. */
const defaultPacketTimeout = (maximumPacketSize: number): number => 60_000 * Math.max(1, maximumPacketSize / 1_048_576)

const toConnect = (options: Options): Packet.Connect => {
  const protocolVersion = options.protocolVersion ?? "5.0"
  const password = options.password === undefined ? undefined : Redacted.value(options.password)
  return {
    _tag: "Connect",
    protocolVersion,
    cleanStart: options.cleanStart ?? true,
    keepAlive: Duration.toMillis(options.keepAlive ?? "60 seconds") / 1000,
    clientId: options.clientId ?? "",
    will: options.will,
    username: options.username,
    password: typeof password === "string" ? new TextEncoder().encode(password) : password,
    properties: protocolVersion === "3.1.1" ? Properties.none : {
      ...options.properties,
      maximumPacketSize: options.maximumPacketSize ?? options.properties?.maximumPacketSize ?? defaultMaximumPacketSize
    }
  }
}

/**
 * Opens a connection: network, CONNECT, CONNACK. It ends with its scope, politely: DISCONNECT is sent, so the server
 * drops the Will.
 *
 * Fails with `ConnectTimeout`, with what the transport fails with, with `ConnectionRefused` or
 * `UnsupportedProtocolVersion`, or with `InvalidRequest` when CONNECT cannot be said.
 *
 * **Example** (One message over one connection)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { MqttConnection } from "effect-mqtt"
 *
 * const program = Effect.gen(function*() {
 *   const connection = yield* MqttConnection.make({ clientId: "probe" })
 *   yield* connection.send({
 *     _tag: "Publish",
 *     topic: "hello",
 *     payload: new TextEncoder().encode("world"),
 *     qos: 0,
 *     retain: false,
 *     dup: false,
 *     packetIdentifier: 0,
 *     properties: {}
 *   })
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<MqttConnection, MqttError.MqttError, MqttTransport | Scope.Scope> {
  const transport = yield* MqttTransport
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  const progress: { waitingFor: "network" | "CONNACK" } = { waitingFor: "network" }
  return yield* Effect.gen(function*() {
    const scope = yield* Scope.make()
    yield* Effect.addFinalizer((exit) => Scope.close(scope, exit))
    const network = yield* Scope.provide(open(transport, options.serverReference), scope)
    progress.waitingFor = "CONNACK"
    return yield* handshake(options, network, scope)
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        Effect.fail(MqttError.fromReason(
          new MqttError.ConnectTimeout({ timeout, waitingFor: progress.waitingFor })
        ))
    }),
    releasedOnFailure
  )
})

const open = (transport: MqttTransport["Service"], serverReference: string | undefined) => {
  if (serverReference === undefined) return transport.open
  if (transport.openAt !== undefined) return transport.openAt(serverReference)
  const cause = new Error(`this transport leads to one server only, and not to ${serverReference}`)
  return Effect.fail(MqttError.fromReason(new MqttError.OpenFailed({ endpoint: transport.endpoint, cause })))
}

/** What failed or was interrupted gives back at once what it has acquired; otherwise the caller's scope does. */
const releasedOnFailure = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.flatMap(Effect.scope, Scope.fork), (scope) =>
      restore(Scope.provide(self, scope)).pipe(
        Effect.onExit((exit) => Exit.isSuccess(exit) ? Effect.void : Scope.close(scope, exit))
      ))
  )

const handshake = Effect.fnUntraced(function*(options: Options, network: NetworkConnection, scope: Scope.Closeable) {
  const connect = toConnect(options)
  const maximumPacketSize = options.maximumPacketSize ?? connect.properties.maximumPacketSize ??
    defaultMaximumPacketSize
  const traffic = options.traffic ?? Traffic.make()
  const link = yield* Link.make({
    connect,
    network,
    scope,
    maximumPacketSize,
    packetTimeout: Duration.toMillis(options.packetTimeout ?? defaultPacketTimeout(maximumPacketSize)),
    pingInterval: options.pingInterval === undefined ? undefined : Duration.toMillis(options.pingInterval),
    drainTimeout: options.drainTimeout ?? "1 second",
    fill: options.fill ?? (() => {}),
    traffic,
    packetLog: yield* PacketLog.make,
    outgoingTopicAliasMaximum: options.outgoingTopicAliasMaximum ?? 0,
    authenticate: options.authenticate
  })
  yield* Effect.addFinalizer(() => link.shutdown(failures.closed, Link.disconnectPacket(0x00)))
  const connack = yield* link.open
  return fromLink(link, connack, traffic)
})

const fromLink = (link: Link.Link, connack: Packet.Connack, traffic: Traffic.Counters): MqttConnection => {
  const { connect, keepAlive, limits } = link.connection
  return {
    protocolVersion: connect.protocolVersion,
    connack: asAskedFor(connack, connect),
    clientId: link.clientId,
    keepAlive: keepAlive.interval / 1000,
    limits,
    send: (packet) => link.send(packet),
    pull: link.pull,
    ping: link.ping,
    disconnect: (options) => disconnect(link, Link.disconnectPacket(options?.reasonCode ?? 0x00, options?.properties)),
    abort: link.abort(failures.closed),
    ended: link.ended,
    fail: (error, reasonCode) => link.shutdown(error, Link.disconnectPacket(reasonCode ?? 0x00)),
    violated: (violation) => link.violated(violation),
    enqueue: (packet) => link.enqueue(packet),
    wake: () => link.wake(),
    onWritten: (written, begun) => link.onWritten(written, begun),
    unsent: () => link.unsent,
    now: () => link.now(),
    silence: () => link.now() - link.connection.keepAlive.lastHeard,
    traffic: () => ({ ...traffic })
  }
}

/** Response Information comes only to those who asked for it. `[MQTT-3.1.2-28]`. */
const asAskedFor = (connack: Packet.Connack, connect: Packet.Connect): Packet.Connack => {
  const { responseInformation, ...properties } = connack.properties
  const isUnasked = responseInformation !== undefined && connect.properties.requestResponseInformation !== 1
  return isUnasked ? { ...connack, properties } : connack
}

const disconnect = (link: Link.Link, packet: Packet.Disconnect): Effect.Effect<void, MqttError.MqttError> => {
  const { protocolVersion } = link.connection.connect
  const invalid = Validity.check(packet, { protocolVersion, sender: "client" }) ??
    Connection.checkDisconnect(link.connection, packet)
  return invalid === undefined
    ? link.shutdown(failures.closed, packet)
    : Effect.fail(MqttError.fromReason(MqttError.InvalidRequest.from(invalid)))
}
