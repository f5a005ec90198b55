/**
 * Presence with real brokers: through many outages, the retained message says whether the client is there.
 */
import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import * as Broker from "../brokers/Broker.ts"
import { everywhere } from "../brokers/everywhere.ts"
import * as Wire from "../brokers/Wire.ts"

const outages = 50

/** The exchange of the first PUBLISH is over. */
const isBorn = ({ packets }: Wire.Recording): boolean => {
  const birth = packets.findIndex(({ _tag }) => _tag === "Publish")
  const publish = packets[birth]
  return publish?._tag === "Publish" &&
    packets.slice(birth).some((packet) =>
      packet._tag === (publish.qos === 1 ? "Puback" : "Pubcomp") && packet.packetIdentifier === publish.packetIdentifier
    )
}

describe("presence", () => {
  everywhere((it, protocolVersion) => {
    it.effect.each([1, 2] as const)(
      `the last retained word is true through ${outages} outages, QoS %i`,
      (qos) =>
        Effect.gen(function*() {
          const topic = `presence/${protocolVersion}/${qos}`
          const clientId = `presence${qos}`
          const reader = yield* Broker.client({ protocolVersion })
          const word = Effect.map(reader.next(topic, { qos: 2, timeout: "5 seconds" }), ({ text }) => text)
          const wire = yield* Wire.make
          const mqtt = yield* wire.client({
            protocolVersion,
            clientId,
            session: "persistent",
            presence: { topic, qos },
            reconnect: Broker.soon,
            keepAlive: "1 second",
            pingInterval: "100 millis",
            responseTimeout: "200 millis"
          })
          /** There are more connections than these, and the broker has acknowledged the birth of the last. */
          const bornAfter = (connections: number) =>
            wire.until((recordings) => recordings.length > connections && isBorn(recordings[recordings.length - 1]))
          yield* bornAfter(0)
          for (let outage = 1; outage <= outages; outage++) {
            assert.strictEqual(yield* word, "online", `before outage ${outage}`)
            const { length } = wire.recordings
            // One in five is half-open: the client takes its own session over, or its CONNECT is lost as well.
            if (outage % 5 === 0) {
              yield* wire.lose(outage % 2 === 0 ? "toServer" : "toClient")
              yield* wire.until((recordings) => recordings.length > length)
            }
            const connections = wire.recordings.length
            yield* wire.cut
            yield* bornAfter(connections)
          }
          assert.strictEqual(yield* word, "online")
          yield* mqtt.disconnect
          assert.strictEqual(yield* word, "offline")
          const before = wire.recordings.length
          const last = yield* wire.client({
            protocolVersion,
            clientId,
            presence: { topic, qos },
            reconnect: Broker.soon
          })
          yield* bornAfter(before)
          assert.strictEqual(yield* word, "online")
          yield* last.disconnectWithWill
          assert.strictEqual(yield* word, "offline")
        })
    )
  })
})
