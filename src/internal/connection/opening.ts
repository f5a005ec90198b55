/**
 * Opens an MQTT connection: network, CONNECT, CONNACK. Closing the caller's scope releases everything it acquired.
 *
 * `link.ts` runs the open connection. MQTT 5.0 and 3.1.1, sections 3.1, 3.2 and 3.14.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as MqttError from "../../MqttError.ts"
import { ConnectionDecorator, MqttTransport, type NetworkConnection } from "../../MqttTransport.ts"
import type * as Packet from "../../protocol/Packet.ts"
import * as Properties from "../../protocol/Properties.ts"
import { defaults } from "../defaults.ts"
import type { Options, SessionConnection, SessionConnectionOptions } from "./connection.ts"
import * as failures from "./failures.ts"
import * as Link from "./link.ts"
import * as PacketLog from "./packetLog.ts"
import * as Traffic from "./traffic.ts"

/** The time of the largest packet at 17 kB/s: slower than any network worth sending it over. */
const defaultPacketTimeout = (maximumPacketSize: number): number => 60_000 * Math.max(1, maximumPacketSize / 1_048_576)

export const toConnect = (options: Options): Packet.Connect => {
  const protocolVersion = options.protocolVersion ?? defaults.protocolVersion
  const password = options.password === undefined ? undefined : Redacted.value(options.password)
  return {
    _tag: "Connect",
    protocolVersion,
    cleanStart: options.cleanStart ?? true,
    keepAlive: Duration.toMillis(options.keepAlive ?? defaults.keepAlive) / 1000,
    clientId: options.clientId ?? "",
    will: options.will,
    username: options.username,
    password: typeof password === "string" ? new TextEncoder().encode(password) : password,
    properties: protocolVersion === "3.1.1" ? Properties.none : {
      ...options.properties,
      maximumPacketSize: options.maximumPacketSize ?? options.properties?.maximumPacketSize ??
        defaults.maximumPacketSize
    }
  }
}

/** Fails with the same errors as `MqttConnection.make`; the scope then releases everything acquired so far. */
export const open = Effect.fnUntraced(function*(
  options: SessionConnectionOptions
): Effect.fn.Return<SessionConnection, MqttError.MqttError, MqttTransport | Scope.Scope> {
  const transport = yield* MqttTransport
  const timeout = Duration.toMillis(options.connectTimeout ?? defaults.connectTimeout)
  const progress: { waitingFor: "network" | "CONNACK" } = { waitingFor: "network" }
  return yield* Effect.gen(function*() {
    const scope = yield* Scope.make()
    const ending = yield* endingWith(scope)
    const decorate = yield* ConnectionDecorator
    const network = yield* Scope.provide(openNetwork(transport, options.serverReference), scope)
    progress.waitingFor = "CONNACK"
    const decorated = decorate(network, options.serverReference ?? transport.endpoint)
    return yield* handshake(options, decorated, scope, ending)
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

/** The part that ends with the caller's scope: the link once there is one, and its network connection. */
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
        : Effect.ensuring(link.fail(failures.closed, 0x00), close)
    }
    return Effect.as(Scope.addFinalizerExit(outer, end), ending)
  })

const handshake = Effect.fnUntraced(function*(
  options: SessionConnectionOptions,
  network: NetworkConnection,
  scope: Scope.Closeable,
  ending: Ending
) {
  const connect = toConnect(options)
  const maximumPacketSize = options.maximumPacketSize ?? connect.properties.maximumPacketSize ??
    defaults.maximumPacketSize
  const link = yield* Link.make({
    connect,
    network,
    scope,
    maximumPacketSize,
    refuses: options.refuses,
    makeEncoder: options.makeEncoder,
    packetTimeout: Duration.toMillis(options.packetTimeout ?? defaultPacketTimeout(maximumPacketSize)),
    pingInterval: options.pingInterval === undefined ? undefined : Duration.toMillis(options.pingInterval),
    responseTimeout: Duration.toMillis(options.responseTimeout ?? defaults.responseTimeout),
    drainTimeout: options.drainTimeout ?? defaults.drainTimeout,
    fill: options.fill ?? (() => {}),
    beforeWrite: options.beforeWrite,
    traffic: options.traffic ?? Traffic.make(),
    packetLog: yield* PacketLog.make,
    outgoingTopicAliasMaximum: options.outgoingTopicAliasMaximum ?? 0,
    authenticate: options.authenticate
  })
  ending.link = link
  yield* link.open
  return link
})
