/**
 * The broker as the other end of network connections: reads packets and hands each to the rule for it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Packet from "../../protocol/Packet.ts"
import type { ProtocolViolation } from "../../protocol/ProtocolError.ts"
import type { Ending } from "../network/Direction.ts"
import type { Peer } from "../network/Peer.ts"
import * as Connection from "./Connection.ts"
import { connack, type Core, flush, note, noteViolation, send, untilGoing } from "./Core.ts"
import * as Lifecycle from "./Lifecycle.ts"
import { handlers } from "./Packets.ts"
import * as Wire from "./Wire.ts"

type Connected = Connection.Connection

/**
 * Serves one network connection until it ends.
 *
 * @since 0.1.0
 * @category serving
 */
export const serve = (core: Core, peer: Peer): Effect.Effect<void, never, Scope.Scope> =>
  Effect.suspend(() => {
    const wire = Wire.make(stalling(core, peer))
    const connection = Connection.make(wire, ++core.connectionCount, core.now())
    core.connections.add(connection)
    const read = Effect.map(wire.peer.pull, (chunks) => {
      for (const chunk of chunks) received(core, connection, chunk)
      flush(core)
    })
    return Effect.forkScoped(wire.resetWhenTold, { startImmediately: true }).pipe(
      Effect.andThen(Effect.forkScoped(wire.write, { startImmediately: true })),
      Effect.andThen(Effect.forever(read)),
      Effect.catch((ending) =>
        Effect.sync(() => {
          ended(core, connection, ending)
          flush(core)
        })
      ),
      Effect.ensuring(Effect.sync(() => core.connections.delete(connection)))
    )
  })

/** A broker that stands still reads nothing and writes nothing. */
const stalling = (core: Core, peer: Peer): Peer => {
  const going = untilGoing(core)
  return {
    ...peer,
    pull: Effect.tap(peer.pull, () => going),
    write: (chunks) => Effect.andThen(going, peer.write(chunks))
  }
}

const ended = (core: Core, connection: Connected, { by, how }: Ending): void => {
  const { peer } = connection.wire
  // On a real network nobody can tell whether the client left, was killed, or gave up on a peer that does not read.
  const isLeaving = by === "client" && how === "close" && peer.insight !== undefined
  if (isLeaving && connection.phase !== "ended" && !connection.wire.isAtBoundary()) {
    note(core, connection, "halfPacket")
  }
  Lifecycle.detach(core, connection)
}

const received = (core: Core, connection: Connected, chunk: Uint8Array): void => {
  const { wire } = connection
  const wasConnected = connection.established !== undefined
  const { longest, packets } = wire.receive(chunk)
  for (const packet of packets) {
    if (connection.phase === "ended") return
    receive(core, connection, packet as Packet.ClientPacket)
  }
  if (connection.phase === "ended") return
  if (wasConnected && longest > (core.options.maximumPacketSize ?? Infinity)) tooLarge(core, connection)
  const violation = wire.error()
  if (violation !== undefined) malformed(core, connection, violation)
}

/** A limit that 3.1.1 cannot announce is no rule there: the server just closes. */
const tooLarge = (core: Core, connection: Connected): void =>
  connection.version === "5.0"
    ? Lifecycle.report(core, connection, "packetTooLarge")
    : Lifecycle.end(core, connection, "close")

const receive = (core: Core, connection: Connected, packet: Packet.ClientPacket): void => {
  if (packet._tag === "Connect" && connection.phase === "new") {
    connection.connect = packet
    connection.clientId = packet.clientId
    connection.version = packet.protocolVersion
    connection.wire.setVersion(packet.protocolVersion)
  }
  connection.lastReceived = core.now()
  core.journal.add(connection, "received", packet, core.now())
  phases[connection.phase](core, connection, packet)
}

/** How to treat a packet in each phase of the connection. */
const phases: {
  readonly [Phase in Connection.Phase]: (core: Core, connection: Connected, packet: Packet.ClientPacket) => void
} = {
  new: (core, connection, packet) => {
    // The decoder lets nothing else through before it.
    if (packet._tag === "Connect") Lifecycle.connect(core, connection, packet)
  },
  silent: () => {},
  authenticating: (core, connection, packet) => {
    if (packet._tag === "Auth") Lifecycle.authenticate(core, connection, packet)
    else if (packet._tag === "Disconnect") Lifecycle.disconnected(core, connection, packet)
    else Lifecycle.report(core, connection, "packetDuringAuthentication")
  },
  open: (core, connection, packet) => {
    const { established } = connection
    if (established === undefined) return
    const handle = handlers[packet._tag] as (
      core: Core,
      connection: Connected,
      established: Connection.Established,
      packet: Packet.ClientPacket
    ) => void
    handle(core, connection, established, packet)
  },
  disconnected: (core, connection) => void note(core, connection, "afterDisconnect"),
  ended: () => {}
}

/** The codes with which the broker answers an unreadable CONNECT; after any other it just closes the connection. */
const connectRefusals: ReadonlySet<number> = new Set([0x84, 0x85])

const malformed = (core: Core, connection: Connected, violation: ProtocolViolation): void => {
  connection.version = violation.label.version
  noteViolation(core, connection, violation.label.label, violation.message)
  if (connection.phase === "new" && connectRefusals.has(violation.reasonCode)) {
    connection.wire.setVersion("3.1.1")
    send(core, connection, connack(violation.reasonCode))
  }
  Lifecycle.disconnect(core, connection, violation.reasonCode)
}
