/**
 * Opens an MQTT connection: network, CONNECT, CONNACK. What it has acquired is given back with the caller's scope.
 *
 * What happens on it is the link's. MQTT 5.0 and 3.1.1, sections 3.1, 3.2 and 3.14.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as MqttError from "../../MqttError.ts"
import type * as MqttState from "../../MqttState.ts"
import { MqttTransport, type NetworkConnection } from "../../MqttTransport.ts"
import * as Connection from "../../protocol/Connection.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"
import type { InvalidPacket, ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { ServerLimits } from "../../protocol/ServerLimits.ts"
import * as Validity from "../../protocol/Validity.ts"
import * as failures from "./failures.ts"
import * as Link from "./link.ts"
import type { MqttConnection, Options } from "./model.ts"
import * as PacketLog from "./packetLog.ts"
import * as Traffic from "./traffic.ts"

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
 * Fails with what `MqttConnection.make` fails with; what it had acquired by then goes with the scope.
 */
export const open = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<Established, MqttError.MqttError, MqttTransport | Scope.Scope> {
  const transport = yield* MqttTransport
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  const progress: { waitingFor: "network" | "CONNACK" } = { waitingFor: "network" }
  return yield* Effect.gen(function*() {
    const scope = yield* Scope.make()
    const ending = yield* endingWith(scope)
    const network = yield* Scope.provide(openNetwork(transport, options.serverReference), scope)
    progress.waitingFor = "CONNACK"
    return yield* handshake(options, network, scope, ending)
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () =>
        Effect.fail(MqttError.fromReason(
          new MqttError.ConnectTimeout({ timeout, waitingFor: progress.waitingFor })
        ))
    })
  )
})

const openNetwork = (transport: MqttTransport["Service"], serverReference: string | undefined) => {
  if (serverReference === undefined) return transport.open
  if (transport.openAt !== undefined) return transport.openAt(serverReference)
  const cause = new Error(`this transport leads to one server only, and not to ${serverReference}`)
  return Effect.fail(MqttError.fromReason(new MqttError.OpenFailed({ endpoint: transport.endpoint, cause })))
}

/** What the end of the caller's scope ends: the link once there is one, and with it its network connection. */
interface Ending {
  link: Link.Link | undefined
}

const endingWith = (scope: Scope.Closeable): Effect.Effect<Ending, never, Scope.Scope> =>
  Effect.flatMap(Effect.scope, (outer) => {
    const ending: Ending = { link: undefined }
    const end = (exit: Exit.Exit<unknown, unknown>) => {
      const close = Scope.close(scope, exit)
      const { link } = ending
      return link === undefined
        ? close
        : Effect.ensuring(link.shutdown(failures.closed, Link.disconnectPacket(0x00)), close)
    }
    return Effect.as(Scope.addFinalizerExit(outer, end), ending)
  })

const handshake = Effect.fnUntraced(function*(
  options: Options,
  network: NetworkConnection,
  scope: Scope.Closeable,
  ending: Ending
) {
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
  ending.link = link
  const connack = yield* link.open
  return new Established(link, connack, traffic)
})

/** The public face of a link that a server has accepted. */
export class Established implements MqttConnection {
  readonly #link: Link.Link
  readonly #traffic: Traffic.Counters
  readonly connack: Packet.Connack

  constructor(link: Link.Link, connack: Packet.Connack, traffic: Traffic.Counters) {
    this.#link = link
    this.#traffic = traffic
    this.connack = asAskedFor(connack, link.connection.connect)
  }

  /** To be called once: looks after Keep Alive from now on, and after what else there is. */
  watch(deadlines: Link.Deadlines): Effect.Effect<void> {
    return this.#link.watch(deadlines)
  }

  get protocolVersion(): Packet.ProtocolVersion {
    return this.#link.connection.connect.protocolVersion
  }

  get clientId(): string {
    return this.#link.clientId
  }

  get keepAlive(): number {
    return this.#link.connection.keepAlive.interval / 1000
  }

  get limits(): ServerLimits {
    return this.#link.connection.limits
  }

  send(packet: Packet.ClientPacket): Effect.Effect<void, MqttError.MqttError> {
    return this.#link.send(packet)
  }

  get pull(): Effect.Effect<ReadonlyArray<Connection.SessionPacket>, MqttError.MqttError> {
    return this.#link.pull
  }

  get ping(): Effect.Effect<void, MqttError.MqttError> {
    return this.#link.ping
  }

  disconnect({ properties, reasonCode = 0x00 }: DisconnectOptions = {}): Effect.Effect<void, MqttError.MqttError> {
    return Effect.suspend(() => disconnect(this.#link, Link.disconnectPacket(reasonCode, properties)))
  }

  get abort(): Effect.Effect<void> {
    return this.#link.abort(failures.closed)
  }

  get ended(): Effect.Effect<never, MqttError.MqttError> {
    return this.#link.ended
  }

  fail(error: MqttError.MqttError, reasonCode = 0x00): Effect.Effect<void> {
    return this.#link.shutdown(error, Link.disconnectPacket(reasonCode))
  }

  violated(violation: ProtocolViolation): Effect.Effect<void> {
    return this.#link.violated(violation)
  }

  enqueue(packet: Packet.ClientPacket): InvalidPacket | undefined {
    return this.#link.enqueue(packet)
  }

  wake(): void {
    this.#link.wake()
  }

  wakeAfterReading(): void {
    this.#link.wakeAfterReading()
  }

  onWritten(written: () => void, begun?: () => void): void {
    this.#link.onWritten(written, begun)
  }

  unsent(): number {
    return this.#link.unsent
  }

  now(): number {
    return this.#link.now()
  }

  silence(): number {
    return this.#link.now() - this.#link.connection.keepAlive.lastHeard
  }

  traffic(): MqttState.Traffic {
    return { ...this.#traffic }
  }
}

type DisconnectOptions = NonNullable<Parameters<MqttConnection["disconnect"]>[0]>

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
