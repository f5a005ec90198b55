/**
 * One `MqttConnection` on its own, with just enough of a session to talk to a broker: it answers QoS 1 and 2 as they
 * come, and hands out every packet.
 */
import { assert } from "@effect/vitest"
import { Effect, Queue } from "effect"
import type { MqttConnection } from "../../src/index.ts"
import type { SessionPacket } from "../../src/protocol/Connection.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Properties from "../../src/protocol/Properties.ts"

type Connection = MqttConnection.MqttConnection
type Sendable = Parameters<Connection["send"]>[0]

/** What a packet is answered with. */
const answerTo = (packet: SessionPacket): Sendable | undefined => {
  if (packet._tag === "Pingresp") return undefined
  const { packetIdentifier } = packet
  const answer = { packetIdentifier, reasonCode: 0x00, properties: Properties.none }
  if (packet._tag === "Publish" && packet.qos === 1) return { _tag: "Puback", ...answer }
  if (packet._tag === "Publish" && packet.qos === 2) return { _tag: "Pubrec", ...answer }
  if (packet._tag === "Pubrec") return { _tag: "Pubrel", ...answer }
  return packet._tag === "Pubrel" ? { _tag: "Pubcomp", ...answer } : undefined
}

export class Dialogue {
  readonly connection: Connection
  readonly #packets: Queue.Dequeue<SessionPacket>
  readonly #unasked: Array<SessionPacket> = []

  constructor(connection: Connection, packets: Queue.Dequeue<SessionPacket>) {
    this.connection = connection
    this.#packets = packets
  }

  send(packet: Sendable) {
    return this.connection.send(packet)
  }

  /** The next packet of this type; those of other types wait for who asks for them. */
  take<Tag extends SessionPacket["_tag"]>(tag: Tag): Effect.Effect<SessionPacket & { readonly _tag: Tag }> {
    return Effect.suspend(() => {
      const index = this.#unasked.findIndex((packet) => packet._tag === tag)
      if (index >= 0) return Effect.succeed(this.#unasked.splice(index, 1)[0] as SessionPacket & { readonly _tag: Tag })
      return Effect.flatMap(Queue.take(this.#packets), (packet) => {
        this.#unasked.push(packet)
        return this.take(tag)
      })
    })
  }

  subscribe(topicFilter: string, qos: Packet.Qos, packetIdentifier = 1) {
    return Effect.andThen(
      this.send({
        _tag: "Subscribe",
        packetIdentifier,
        subscriptions: [{ topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
        properties: Properties.none
      }),
      this.take("Suback")
    )
  }

  /** At QoS 1 and 2 until it is acknowledged. */
  publish = Effect.fnUntraced({ self: this }, function*(
    topic: string,
    payload: Uint8Array,
    qos: Packet.Qos,
    packetIdentifier = qos === 0 ? 0 : 2
  ) {
    yield* this.send({
      _tag: "Publish",
      topic,
      payload,
      qos,
      packetIdentifier,
      retain: false,
      dup: false,
      properties: Properties.none
    })
    if (qos === 0) return
    const acknowledgement = qos === 1 ? yield* this.take("Puback") : yield* this.take("Pubcomp")
    assert.strictEqual(acknowledgement.packetIdentifier, packetIdentifier)
  })
}

/** Reads and answers for as long as the scope. */
export const make = Effect.fnUntraced(function*(connection: Connection) {
  const packets = yield* Queue.unbounded<SessionPacket>()
  yield* connection.pull.pipe(
    Effect.flatMap(Effect.forEach((packet) => {
      const answer = answerTo(packet)
      const taken = Queue.offer(packets, packet)
      return answer === undefined ? taken : Effect.andThen(connection.send(answer), taken)
    })),
    Effect.forever,
    Effect.forkScoped
  )
  return new Dialogue(connection, packets)
})
