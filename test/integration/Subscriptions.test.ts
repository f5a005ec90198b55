/**
 * Subscriptions at real brokers: the granted QoS, the receivers of each message, and an acknowledgement for every
 * message.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Queue, Stream } from "effect"
import type { MqttClient } from "../../src/index.ts"
import * as Properties from "../../src/protocol/Properties.ts"
import * as Aedes from "../brokers/Aedes.ts"
import * as Broker from "../brokers/Broker.ts"
import * as Dialogue from "../brokers/Dialogue.ts"
import { everywhere } from "../brokers/everywhere.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Wire from "../brokers/Wire.ts"

describe("subscriptions", () => {
  everywhere((it, protocolVersion) => {
    it.effect("R120 several filters in one SUBSCRIBE: one SUBACK with a code for each, and the messages of all", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const publisher = yield* Broker.client({ protocolVersion })
        const topics = ["r120/a", "r120/b", "r120/c"]
        for (const topic of topics) yield* publisher.publish(topic, topic, { qos: 1, retain: true })
        const dialogue = yield* Dialogue.make(yield* wire.connection({ protocolVersion, clientId: "r120" }))
        yield* dialogue.send({
          _tag: "Subscribe",
          packetIdentifier: 1,
          subscriptions: topics.map((topicFilter, index) => ({
            topicFilter,
            qos: index as 0 | 1 | 2,
            noLocal: false,
            retainAsPublished: false,
            retainHandling: 0
          })),
          properties: Properties.none
        })
        assert.deepStrictEqual((yield* dialogue.take("Suback")).reasonCodes, [0, 1, 2])
        const retained = [
          yield* dialogue.take("Publish"),
          yield* dialogue.take("Publish"),
          yield* dialogue.take("Publish")
        ]
        assert.sameMembers(retained.map(({ topic }) => topic), topics)
        assert.isTrue(retained.every(({ retain }) => retain))
      }))

    it.effect("R117 UNSUBACK is awaited also when nothing was subscribed to", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const dialogue = yield* Dialogue.make(yield* wire.connection({ protocolVersion, clientId: "r117" }))
        yield* dialogue.send({
          _tag: "Unsubscribe",
          packetIdentifier: 7,
          topicFilters: ["r117/never"],
          properties: Properties.none
        })
        const unsuback = yield* dialogue.take("Unsuback")
        assert.strictEqual(unsuback.packetIdentifier, 7)
        assert.deepStrictEqual(unsuback.reasonCodes, protocolVersion === "5.0" ? [0x11] : [])
      }))

    it.effect("R117 the last subscriber of a filter to leave unsubscribes, and its identifier returns", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion })
        const [recording] = wire.recordings
        yield* Effect.scoped(Effect.gen(function*() {
          yield* Effect.asVoid(mqtt.subscribe("r117/shared"))
          yield* Effect.asVoid(Effect.scoped(mqtt.subscribe("r117/shared")))
          assert.deepStrictEqual(recording.of("toServer", "Unsubscribe"), [])
        }))
        yield* wire.until(() => recording.of("toClient", "Unsuback").length === 1)
        yield* mqtt.publish("r117/shared", "nobody", { qos: 1 })
        assert.strictEqual(recording.of("toServer", "Subscribe").length, 1)
        assert.deepStrictEqual(recording.of("toServer", "Unsubscribe").map((packet) => packet.topicFilters), [[
          "r117/shared"
        ]])
        assert.deepStrictEqual(recording.of("toClient", "Publish"), [])
        assert.strictEqual((yield* mqtt.stats).inFlight, 0)
      }))

    it.effect("R122 topics and filters are compared character by character", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client({ protocolVersion })
        const composed = "r122/caf\u{e9}"
        const decomposed = "r122/cafe\u{301}"
        const filters = ["r122/a", "r122/A", "r122//a", "r122/a/", composed, "r122/parent/#", "r122/+/b"]
        const inboxes = yield* Effect.forEach(filters, (filter) =>
          Effect.map(Broker.subscribed(mqtt, filter, { qos: 1 }), (messages) => [filter, messages] as const))
        const topics = [...filters.slice(0, 4), composed, decomposed, "r122/parent", "r122//b", "r122/end"]
        const end = yield* Broker.subscribed(mqtt, "r122/end", { qos: 1 })
        for (const topic of topics) {
          yield* mqtt.publish(topic, "x", { qos: 1 })
        }
        yield* Queue.take(end)
        const received = yield* Effect.forEach(inboxes, ([filter, messages]) =>
          Effect.map(Queue.clear(messages), (taken) =>
            [
              filter,
              taken.map(({ topic }) =>
                topic
              )
            ] as const))
        assert.deepStrictEqual(received, [
          ["r122/a", ["r122/a"]],
          ["r122/A", ["r122/A"]],
          ["r122//a", ["r122//a"]],
          ["r122/a/", ["r122/a/"]],
          [composed, [composed]],
          ["r122/parent/#", ["r122/parent"]],
          ["r122/+/b", ["r122//b"]]
        ])
      }))

    it.effect("S37 R86 a handler that dies, one that has gone and one that never pulls: messages are answered", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion, receiveMaximum: 2 })
        const dying = yield* (yield* mqtt.subscribe("r86", { qos: 1 })).pipe(
          Stream.runForEach(() => Effect.die(new Error("the handler's own"))),
          Effect.forkChild
        )
        yield* Effect.asVoid(mqtt.subscribe("r86", { qos: 1 }))
        const alive = yield* Broker.subscribed(mqtt, "r86", { qos: 1 })
        for (let index = 0; index < 20; index++) yield* mqtt.publish("r86", `${index}`, { qos: 1 })
        const received = (yield* Broker.texts(alive, 20)).map(([, text]) => text)
        assert.deepStrictEqual(received, Array.from({ length: 20 }, (_, index) => `${index}`))
        assert.strictEqual((yield* Fiber.await(dying))._tag, "Failure")
        yield* wire.until(([recording]) => recording.of("toServer", "Puback").length === 20)
      }))

    it.effect("R119 subscribing again with a higher QoS replaces the subscription", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion })
        const first = yield* Broker.subscribed(mqtt, "r119", { qos: 0 })
        const second = yield* Broker.subscribed(mqtt, "r119", { qos: 1 })
        yield* mqtt.publish("r119", "x", { qos: 1 })
        assert.strictEqual((yield* Queue.take(first)).qos, 1)
        assert.strictEqual((yield* Queue.take(second)).qos, 1)
        assert.strictEqual(wire.recordings[0].of("toClient", "Publish").length, 1)
      }))
  })

  Mosquitto.suite("mosquitto with overlapping and shared subscriptions, MQTT 5.0", {}, (it) => {
    /** What has come to each queue when the marker, published after it, has come. */
    const until = Effect.fnUntraced(function*<A extends { readonly text: string }, E>(
      publisher: MqttClient.MqttClient["Service"],
      marker: Queue.Dequeue<unknown, E>,
      queues: ReadonlyArray<Queue.Dequeue<A, E>>
    ) {
      yield* publisher.publish("marker", "", { qos: 1 })
      yield* Queue.take(marker)
      return yield* Effect.forEach(queues, (queue) => Queue.clear(queue))
    })
    const texts = <A extends { readonly text: string }>(all: ReadonlyArray<ReadonlyArray<A>>) =>
      all.map((messages) => messages.map(({ text }) => text))

    for (const qos of [0, 1, 2] as const) {
      it.effect(`R100 R104 QoS ${qos}: it sends a copy for each subscription, each subscriber has a message once`, () =>
        Effect.gen(function*() {
          const wire = yield* Wire.make
          const mqtt = yield* wire.client()
          const filters = [`r100/${qos}/#`, `r100/${qos}/a`, `+/${qos}/a`, [
            `r100/+/a`,
            `r100/${qos}/+`,
            `r100/${qos}/a`
          ]]
          const queues = yield* Effect.forEach(filters, (filter) => Broker.subscribed(mqtt, filter, { qos }))
          const marker = yield* Broker.subscribed(mqtt, "marker", { qos: 1 })
          const sent = ["1", "2", "2", "3"]
          for (const text of sent) yield* mqtt.publish(`r100/${qos}/a`, text, { qos })
          assert.deepStrictEqual(texts(yield* until(mqtt, marker, queues)), filters.map(() => sent))
          // Five filters match.
          assert.strictEqual(wire.recordings[0].of("toClient", "Publish").length, 5 * sent.length + 1)
        }))
    }

    it.effect("R100 R147 a program that is started again has what was queued once for each subscriber", () =>
      Effect.gen(function*() {
        const options = { clientId: "r147-overlapping", session: "persistent" } as const
        const publisher = yield* Broker.client()
        const filters = ["r147o/#", ["+/a", "r147o/a"]]
        yield* Effect.scoped(Effect.gen(function*() {
          const before = yield* Broker.client(options)
          for (const filter of filters) yield* Effect.asVoid(before.subscribe(filter, { qos: 2 }))
        }))
        for (const text of ["1", "2"]) yield* publisher.publish("r147o/a", text, { qos: 2 })
        const mqtt = yield* Broker.client(options)
        const queues = yield* Effect.forEach(filters, (filter) => Broker.subscribed(mqtt, filter, { qos: 2 }))
        const marker = yield* Broker.subscribed(mqtt, "marker", { qos: 1 })
        yield* publisher.publish("r147o/a", "3", { qos: 2 })
        assert.deepStrictEqual(texts(yield* until(publisher, marker, queues)), [["1", "2", "3"], ["1", "2", "3"]])
      }))

    it.effect("R102 No Local, Retain As Published and Retain Handling are done as asked", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        const publisher = yield* Broker.client()
        yield* publisher.publish("r102/kept", "kept", { qos: 1, retain: true })
        const noLocal = yield* Broker.subscribed(mqtt, "r102/+", { qos: 1, noLocal: true, retainHandling: 2 })
        const asPublished = yield* Broker.subscribed(mqtt, "r102/#", { qos: 1, retainAsPublished: true })
        const onlyNew = yield* Broker.subscribed(mqtt, "r102/kept", { retainHandling: 1 })
        // Asked for again with a higher QoS, it is not new any more.
        yield* Effect.asVoid(mqtt.subscribe("r102/kept", { qos: 1, retainHandling: 1 }))
        const marker = yield* Broker.subscribed(mqtt, "marker", { qos: 1 })
        yield* mqtt.publish("r102/new", "mine", { qos: 1 })
        yield* publisher.publish("r102/new", "another's", { qos: 1, retain: true })
        const received = yield* until(publisher, marker, [noLocal, asPublished, onlyNew])
        assert.deepStrictEqual(
          received.map((messages) => messages.map(({ retain, text }) => [text, retain])),
          [
            [["another's", false]],
            [["kept", true], ["mine", false], ["another's", true]],
            [["kept", true]]
          ]
        )
      }))

    it.effect("R123 what SUBSCRIBE said is said again, word for word, when the session was lost", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ reconnect: Broker.soon })
        const options: MqttClient.SubscribeOptions = {
          qos: 1,
          retainAsPublished: true,
          retainHandling: 1,
          userProperties: [["a", "1"], ["a", "1"]]
        }
        const received = yield* Broker.subscribed(mqtt, ["$share/g/r123/#", "r123/+"], options)
        yield* wire.cut
        yield* wire.until((recordings) => recordings[1]?.of("toClient", "Suback").length === 2)
        const [before, after] = wire.recordings.map((recording) => recording.of("toServer", "Subscribe"))
        const asSaid = (packets: typeof before) => packets.map((packet) => ({ ...packet, packetIdentifier: 0 }))
        assert.deepStrictEqual(asSaid(after), asSaid(before))
        yield* mqtt.publish("r123/a", "x", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(received, 1), [["r123/a", "x"]])
      }))

    it.effect("shared: what several clients share is divided between them, a plain subscription has it all", () =>
      Effect.gen(function*() {
        const publisher = yield* Broker.client()
        const clients = [yield* Broker.client(), yield* Broker.client()]
        const workers = yield* Effect.forEach(
          clients,
          (client) => Broker.subscribed(client, "$share/g/job/+", { qos: 1 })
        )
        const plain = yield* Broker.subscribed(clients[0], "job/#", { qos: 1 })
        const markers = yield* Effect.forEach(clients, (client) => Broker.subscribed(client, "marker", { qos: 1 }))
        const sent = Array.from({ length: 20 }, (_, index) => String(index))
        for (const text of sent) yield* publisher.publish(`job/${text}`, text, { qos: 1 })
        yield* publisher.publish("marker", "", { qos: 1 })
        for (const marker of markers) yield* Queue.take(marker)
        const taken = texts(yield* Effect.forEach(workers, (worker) => Queue.clear(worker)))
        assert.isTrue(taken.every(({ length }) => length > 0))
        assert.sameMembers(taken.flat(), sent)
        assert.deepStrictEqual(texts([yield* Queue.clear(plain)]), [sent])
      }))

    it.effect("S43 ten thousand wildcard filters are there again after a lost session", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ reconnect: Broker.soon })
        const filters = Array.from({ length: 10_000 }, (_, index) => `s43/${index}/#`)
        const received = yield* Broker.subscribed(mqtt, filters, { qos: 1 })
        yield* wire.cut
        yield* wire.until((recordings) => recordings[1]?.of("toClient", "Suback").length === 100)
        yield* mqtt.publish("s43/9999/on", "x", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(received, 1), [["s43/9999/on", "x"]])
      }))
  })

  const withSys = { configuration: ["allow_anonymous true", "sys_interval 1"] }
  Mosquitto.suite("mosquitto with $SYS topics", withSys, (it) => {
    it.effect("R121 a filter that starts with a wildcard does not match a topic that starts with $", () =>
      Effect.gen(function*() {
        const mqtt = yield* Broker.client()
        const everything = yield* Broker.subscribed(mqtt, ["#", "+/broker/version"], { qos: 1 })
        const system = yield* Broker.subscribed(mqtt, "$SYS/broker/version", { qos: 1 })
        assert.strictEqual((yield* Queue.take(system)).topic, "$SYS/broker/version")
        yield* mqtt.publish("r121", "x", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(everything, 1), [["r121", "x"]])
      }))
  })

  it.layer(
    Aedes.layer({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic.startsWith("closed") ? null : subscription)
    }),
    { excludeTestServices: true }
  )("aedes with forbidden filters", (it) => {
    it.effect("S9 R116 a refused filter fails with its reason and without a reconnect, others are granted", () =>
      Effect.gen(function*() {
        const wire = yield* Wire.make
        const mqtt = yield* wire.client({ protocolVersion: "3.1.1" })
        const dialogue = yield* Dialogue.make(yield* wire.connection({ protocolVersion: "3.1.1" }))
        const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const
        yield* dialogue.send({
          _tag: "Subscribe",
          packetIdentifier: 1,
          subscriptions: ["open/1", "closed/1", "open/2"].map((topicFilter) => ({ topicFilter, ...options })),
          properties: Properties.none
        })
        assert.deepStrictEqual((yield* dialogue.take("Suback")).reasonCodes, [1, 0x80, 1])

        const open = yield* Broker.subscribed(mqtt, "open/1", { qos: 1 })
        const { reason } = yield* Effect.flip(mqtt.subscribe("closed/1", { qos: 1 }))
        const refused = reason._tag === "SubscribeRefused" ? [reason.topicFilter, reason.reasonCode] : reason
        assert.deepStrictEqual(refused, ["closed/1", 0x80])
        yield* mqtt.publish("open/1", "x", { qos: 1 })
        assert.deepStrictEqual(yield* Broker.texts(open, 1), [["open/1", "x"]])
        assert.strictEqual((yield* mqtt.stats).connections, 1)
      }))
  })
})
