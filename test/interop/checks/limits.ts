/**
 * Limits that each side announces, and whether the other side respects them. 5.0 only.
 */
import { Effect, Latch } from "effect"
import type { MqttClient } from "../../../src/index.ts"
import type { ServerLimits } from "../../../src/protocol/ServerLimits.ts"
import * as Broker from "../../brokers/Broker.ts"
import { type Check, counted, failureOf, inTime, recorded, until, verdict } from "../Check.ts"

type Refused = readonly [limit: string, payload: Uint8Array, options: MqttClient.PublishOptions]

const refusedBy = (limits: ServerLimits): ReadonlyArray<Refused> => [
  ...(limits.maximumQos === 2 ? [] : [["Maximum QoS", new Uint8Array(0), { qos: 2 }] as const]),
  ...(limits.retainAvailable ? [] : [["Retain Available", new Uint8Array(0), { qos: 1, retain: true }] as const]),
  ...(limits.maximumPacketSize > 10_000_000
    ? []
    : [["Maximum Packet Size", new Uint8Array(limits.maximumPacketSize), { qos: 1 }] as const])
]

const theirs: Check = {
  name: "limits",
  title: "its limits",
  description: "messages beyond the limits that the server announces fail here and are not sent; a hundred other " +
    "messages at once come through",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*(context) {
    const { name } = context
    const { mqtt, wire } = yield* recorded(context)
    const { limits } = yield* Broker.connected(mqtt)
    const inbox = yield* Broker.subscribed(mqtt, name, { qos: 1 })
    const refusals = yield* Effect.forEach(
      refusedBy(limits),
      ([limit, payload, options]) =>
        Effect.map(
          failureOf(mqtt.publish(name, payload, options)),
          (failure) => failure !== `ServerLimit (${limit})` && `${limit}: ${failure}`
        )
    )
    const sent = wire.recordings[0].of("toServer", "Publish").length
    const texts = Array.from({ length: 100 }, (_, index) => `${index}`)
    yield* Effect.forEach(texts, (text) => mqtt.publish(name, text, { qos: 1 }), { concurrency: "unbounded" })
    yield* mqtt.publish(name, "end", { qos: 1 })
    const seen = counted((yield* until(inbox, "end")).map(({ text }) => text))
    return verdict(
      ...refusals,
      sent > 0 && `${sent} are sent`,
      seen !== texts.join(" ") && `comes as ${seen}`,
      wire.recordings.length > 1 && "hangs up"
    )
  })
}

const ourWindow: Check = {
  name: "ourReceiveMaximum",
  title: "our Receive Maximum",
  description: "a client that takes two unacknowledged messages is sent no more; all are processed in the end",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const { mqtt, wire } = yield* recorded(context, { clientId: name, session: "persistent", receiveMaximum: 2 })
    const marker = yield* Broker.subscribed(mqtt, `${name}/marker`)
    const gate = yield* Latch.make()
    const done = yield* Latch.make()
    const processed = new Set<string>()
    const texts = ["1", "2", "3", "4", "5"]
    yield* mqtt.consume(`${name}/work`, ({ text }) =>
      gate.await.pipe(Effect.andThen(Effect.suspend(() => {
        processed.add(text)
        return texts.every((one) => processed.has(one)) ? done.open : Effect.void
      })))).pipe(Effect.forkScoped({ startImmediately: true }))
    yield* inTime(wire.until(([recording]) => recording.of("toClient", "Suback").length === 2))
    const publisher = yield* client()
    for (const text of texts) yield* publisher.publish(`${name}/work`, text, { qos: 1 })
    yield* publisher.publish(`${name}/marker`, "end")
    yield* until(marker, "end")
    const [{ packets }] = wire.recordings
    const outstanding = packets.filter((packet) => packet._tag === "Publish" && packet.qos === 1).length
    yield* gate.open
    yield* inTime(done.await)
    return verdict(
      outstanding > 2 && "sends more",
      processed.size < texts.length && `${texts.length - processed.size} are lost`,
      wire.recordings.length > 1 && "the connection ends"
    )
  })
}

const ourSize: Check = {
  name: "ourMaximumPacketSize",
  title: "our Maximum Packet Size",
  description: "a client that takes packets of 200 bytes is not sent a larger one; the next message comes",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const { mqtt, wire } = yield* recorded(context, { maximumPacketSize: 200, clientId: name, session: "persistent" })
    const inbox = yield* Broker.subscribed(mqtt, name, { qos: 1 })
    const publisher = yield* client()
    yield* publisher.publish(name, "x".repeat(250), { qos: 1 })
    yield* publisher.publish(name, "end", { qos: 1 })
    const seen = yield* until(inbox, "end")
    const { messagesTooLarge } = yield* mqtt.stats
    return verdict(
      seen.length > 0 && "it comes",
      messagesTooLarge > 0 && "sends it",
      wire.recordings.length > 1 && "the connection ends"
    )
  })
}

export const limits: ReadonlyArray<Check> = [theirs, ourWindow, ourSize]
