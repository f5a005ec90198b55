import { assert, describe } from "@effect/vitest"
import { Array, Cause, Duration, Effect, Exit, Fiber, Option, References, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MqttRejected } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import type { Properties } from "../../src/protocol/Properties.ts"
import { reasonOf } from "../support/reasons.ts"
import {
  accepted,
  type Client,
  clientId,
  type Kit,
  scenario as scenarioOf,
  sent,
  type Settings
} from "../support/scenario.ts"
import { begin, complete, reconnected, roundTrip } from "../support/time.ts"

/** 3.1.1 has neither Response Topic nor Correlation Data. */
const scenario = (
  name: string,
  settings: Settings,
  tell: Parameters<typeof scenarioOf>[2]
): void => scenarioOf(name, { versions: ["5.0"], ...settings }, tell)

/** The requests that reached the broker. */
const requested = (kit: Kit) =>
  Effect.map(
    kit.broker.messages,
    (messages) => messages.filter(({ properties }) => properties.responseTopic !== undefined)
  )

/** Answers the way any client may: what a request says is given back. */
const answer = (
  { broker }: Kit,
  properties: Properties,
  text: string,
  qos: Packet.Qos = 1
): Effect.Effect<void> =>
  broker.publish(properties.responseTopic ?? assert.fail("no Response Topic"), text, {
    qos,
    properties: properties.correlationData === undefined ? {} : { correlationData: properties.correlationData }
  })

/** Another client that subscribes to the topic, so that there is somebody to hear a request. */
const responder = Effect.fnUntraced(function*(
  kit: Kit,
  handler: (request: MqttMessage) => Effect.Effect<string, never>,
  options: Parameters<Client["respond"]>[2] = {},
  name = "responder"
) {
  const mqtt = yield* kit.connect({ clientId: name })
  const responding = yield* begin(mqtt.respond("ask", handler, options))
  yield* TestClock.adjust(roundTrip)
  return { mqtt, responding }
})

const echo = (request: MqttMessage) => Effect.succeed(`re: ${request.text}`)

/** A client that has its subscription for answers. Another one hears requests, and answers none. */
const askedBefore = Effect.fnUntraced(function*(kit: Kit) {
  const silent = yield* kit.connect({ clientId: "silent" })
  const hearing = yield* begin(Stream.runDrain(silent.messages("ask")))
  const mqtt = yield* kit.connect()
  const asking = yield* begin(mqtt.request("ask", "x"))
  yield* TestClock.adjust(4 * roundTrip)
  const [{ properties }] = yield* requested(kit)
  yield* answer(kit, properties, "y")
  assert.strictEqual((yield* complete(Fiber.join(asking))).text, "y")
  return { mqtt, hearing }
})

/** It ends, and what it had subscribed to is left before the client is. */
const stop = <A, E>(fiber: Fiber.Fiber<A, E>) => Effect.andThen(Fiber.interrupt(fiber), TestClock.adjust(2 * roundTrip))

describe("request", () => {
  for (const qos of [0, 1, 2] as const) {
    scenario(`is answered, with the QoS of the request (QoS ${qos})`, {}, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { responding } = yield* responder(kit, echo)
        const message = yield* complete(mqtt.request("ask", "hello", { qos }))
        assert.strictEqual(message.text, "re: hello")
        assert.strictEqual(message.qos, qos)
        assert.strictEqual((yield* mqtt.stats).answersDropped, 0)
        yield* TestClock.adjust(2 * roundTrip)
        yield* stop(responding)
      }))
  }

  scenario(
    "one subscription serves a thousand at once, in whatever order the answers come",
    {},
    (kit) =>
      Effect.gen(function*() {
        // What is retained there answers nothing.
        yield* kit.broker.publish(`response/${clientId}`, "retained", { retain: true })
        const mqtt = yield* kit.connect()
        const texts = Array.makeBy(1000, String)
        const asking = yield* begin(
          Effect.forEach(texts, (text) => mqtt.request("ask", text), { concurrency: "unbounded" })
        )
        yield* TestClock.adjust(4 * roundTrip)
        const requests = yield* requested(kit)
        assert.strictEqual(requests.length, 1000)
        for (const { payload, properties } of requests.toReversed()) {
          yield* answer(kit, properties, `re: ${new TextDecoder().decode(payload)}`)
        }
        const answers = yield* complete(Fiber.join(asking))
        assert.deepStrictEqual(answers.map(({ text }) => text), texts.map((text) => `re: ${text}`))
        assert.strictEqual((yield* sent(kit, "Subscribe")).length, 1)
        const correlations = requests.map(({ properties }) => properties.correlationData?.join())
        assert.strictEqual(new Set(correlations).size, 1000)
        assert.strictEqual((yield* mqtt.stats).answersDropped, 0)
        yield* TestClock.adjust(2 * roundTrip)
      })
  )

  for (const qos of [0, 1, 2] as const) {
    scenario(
      `is answered while a full QoS 0 stream waits for it, and reading stops again (QoS ${qos})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const { responding } = yield* responder(kit, echo)
          const mqtt = yield* kit.connect()
          const busy = yield* complete(mqtt.subscribe("busy", { buffer: { messages: 5 } }))
          for (let count = 0; count < 30; count++) yield* kit.broker.publish("busy", `${count}`)
          yield* TestClock.adjust(roundTrip)
          const answers: Array<string> = []
          const asking = yield* begin(
            Stream.runForEach(busy, ({ text }) =>
              Effect.map(mqtt.request("ask", text, { qos, timeout: "1 second" }), (message) =>
                answers.push(message.text)))
          )
          yield* complete(Effect.whileLoop({
            while: () =>
              answers.length < 30,
            body: () =>
              Effect.sleep(roundTrip),
            step: () => {}
          }))
          assert.deepStrictEqual(answers, Array.makeBy(30, (count) => `re: ${count}`))
          yield* stop(asking)
          for (let count = 0; count < 30; count++) yield* kit.broker.publish("busy", "unread")
          yield* TestClock.adjust(roundTrip)
          assert.strictEqual((yield* mqtt.health).status, "degraded")
          yield* stop(responding)
        })
    )
  }

  scenario(
    "security 19: a service that has seen one request cannot guess the Correlation Data of another",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { responding } = yield* responder(kit, echo)
        yield* Effect.forEach(Array.range(1, 20), (index) => complete(mqtt.request("ask", `${index}`)))
        const seen = (yield* requested(kit)).map(({ properties }) => properties.correlationData ?? assert.fail())
        for (const data of seen) assert.lengthOf(data, 16)
        // No byte is that of the request before, more often than it happens by chance.
        for (let index = 0; index < 16; index++) {
          assert.isAbove(new Set(seen.map((data) => data[index])).size, 10)
        }
        yield* stop(responding)
      })
  )

  scenario("two clients ask under Correlation Data that the other cannot guess", {}, (kit) =>
    Effect.gen(function*() {
      const clients = [yield* kit.connect(), yield* kit.connect({ clientId: "other" })]
      const asking = yield* begin(
        Effect.forEach(clients, (mqtt) => mqtt.request("ask", "x"), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(4 * roundTrip)
      const [one, other] = (yield* requested(kit)).map(({ properties }) => properties.correlationData ?? assert.fail())
      assert.notDeepEqual(one.slice(0, 8), other.slice(0, 8))
      const topics = (yield* requested(kit)).map(({ properties }) => properties.responseTopic)
      assert.sameMembers(topics, [`response/${clientId}`, "response/other"])
      yield* Fiber.interrupt(asking)
    }))

  scenario(
    "its Response Topic has no level and no wildcard of the client identifier's",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ clientId: "a/+/#" })
        const asking = yield* begin(mqtt.request("ask", "x"))
        yield* TestClock.adjust(4 * roundTrip)
        const [{ properties }] = yield* requested(kit)
        assert.strictEqual(properties.responseTopic, "response/a%2F%2B%2F%23")
        yield* Fiber.interrupt(asking)
      })
  )

  scenario("`responseTopic` is where answers come, and the server is asked for no other", {
    broker: { responseInformation: "theirs/" }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ responseTopic: "mine" })
      const { responding } = yield* responder(kit, echo)
      assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).topic, "mine")
      const [connect] = yield* sent(kit, "Connect")
      assert.isUndefined(connect.properties.requestResponseInformation)
      yield* TestClock.adjust(2 * roundTrip)
      yield* stop(responding)
    }))

  for (
    const [information, topic] of [
      ["theirs/", `theirs/${clientId}`],
      ["theirs", `theirs/${clientId}`],
      ["theirs/#", `response/${clientId}`],
      ["", `response/${clientId}`]
    ] as const
  ) {
    scenario(`R60 Response Information "${information}" is the basis of its Response Topic, if it can be`, {
      broker: { responseInformation: information }
    }, (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { responding } = yield* responder(kit, echo)
        assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).topic, topic)
        yield* TestClock.adjust(2 * roundTrip)
        yield* stop(responding)
      }))
  }

  /** A broker whose Response Information is another for each session. */
  const moving = {
    information: "one",
    get responseInformation() {
      return this.information
    }
  }

  scenario("another session with another Response Information: what waits goes on, what comes uses the new topic", {
    broker: moving
  }, (kit) =>
    Effect.gen(function*() {
      moving.information = "one"
      const mqtt = yield* kit.connect()
      const first = yield* begin(mqtt.request("ask", "1"))
      yield* TestClock.adjust(4 * roundTrip)
      moving.information = "two"
      yield* kit.network.reset
      yield* TestClock.adjust(reconnected + 2 * roundTrip)
      const second = yield* begin(mqtt.request("ask", "2"))
      yield* TestClock.adjust(4 * roundTrip)
      const requests = yield* requested(kit)
      assert.deepStrictEqual(requests.map(({ properties }) => properties.responseTopic), [
        `one/${clientId}`,
        `two/${clientId}`
      ])
      for (const { properties } of requests) yield* answer(kit, properties, "x")
      assert.strictEqual((yield* complete(Fiber.join(first))).topic, `one/${clientId}`)
      assert.strictEqual((yield* complete(Fiber.join(second))).topic, `two/${clientId}`)
      // Nobody waits there any more.
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual((yield* sent(kit, "Unsubscribe")).flatMap(({ topicFilters }) => topicFilters), [
        `one/${clientId}`
      ])
    }))

  scenario(
    "nobody answers: it fails, and what comes later is dropped and counted",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const asking = yield* begin(Effect.flip(mqtt.request("ask", "x", { timeout: "3 seconds" })))
        yield* TestClock.adjust(2999)
        assert.isUndefined(asking.pollUnsafe())
        yield* TestClock.adjust(1)
        const { reason } = yield* Fiber.join(asking)
        assert.deepStrictEqual(reason._tag === "RequestTimeout" && [reason.topic, reason.timeout], ["ask", 3000])
        const [{ properties }] = yield* requested(kit)
        yield* answer(kit, properties, "late")
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* mqtt.stats).answersDropped, 1)
        // Whoever handles it later need not: nobody waits for the answer.
        const [publish] = yield* sent(kit, "Publish")
        assert.strictEqual(publish.properties.messageExpiryInterval, 3)
      })
  )

  scenario(
    "a second answer, one to nothing and one to somebody else: dropped and counted",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const asking = yield* begin(mqtt.request("ask", "x"))
        yield* TestClock.adjust(4 * roundTrip)
        const [{ properties }] = yield* requested(kit)
        const { correlationData = assert.fail("no Correlation Data"), responseTopic } = properties
        const wrong = [
          undefined,
          new Uint8Array(),
          correlationData.slice(1),
          Uint8Array.of(...correlationData, 0),
          correlationData.map((byte, index) => index === 0 ? byte ^ 1 : byte),
          correlationData.map((byte, index) => index === 15 ? byte ^ 1 : byte)
        ]
        for (const data of wrong) yield* answer(kit, { responseTopic, correlationData: data }, "wrong")
        yield* TestClock.adjust(roundTrip)
        assert.isUndefined(asking.pollUnsafe())
        yield* answer(kit, properties, "right")
        yield* answer(kit, properties, "right again")
        assert.strictEqual((yield* complete(Fiber.join(asking))).text, "right")
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* mqtt.stats).answersDropped, wrong.length + 1)
      })
  )

  scenario("the server says that nobody subscribes: it fails at once", {
    broker: { reportsNoSubscribers: true }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      for (const qos of [1, 2] as const) {
        const reason = yield* reasonOf(mqtt.request("ask", "x", { qos }))
        assert.strictEqual(reason._tag === "NoResponder" && reason.topic, "ask")
      }
      const { responding } = yield* responder(kit, echo)
      assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).text, "re: x")
      yield* TestClock.adjust(2 * roundTrip)
      yield* stop(responding)
    }))

  scenario(
    "the connection ends before the acknowledgement: sent again, after the subscription",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const { responding } = yield* responder(kit, echo)
        yield* complete(mqtt.request("ask", "1"))
        const asking = yield* begin(mqtt.request("ask", "2"))
        yield* kit.network.inject({ _tag: "Reset" }, 1)
        assert.strictEqual((yield* complete(Fiber.join(asking))).text, "re: 2")
        yield* TestClock.adjust(2 * roundTrip)
        const types = (yield* kit.broker.received(clientId)).map(({ _tag }) => _tag)
        assert.deepStrictEqual(types.slice(types.lastIndexOf("Connect"), types.lastIndexOf("Connect") + 3), [
          "Connect",
          "Subscribe",
          "Publish"
        ])
        yield* stop(responding)
      })
  )

  scenario("the answer comes during an outage: a persistent session has it", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect({ session: "persistent" })
      const asking = yield* begin(mqtt.request("ask", "x"))
      yield* TestClock.adjust(4 * roundTrip)
      yield* kit.network.reset
      const [{ properties }] = yield* requested(kit)
      yield* answer(kit, properties, "meanwhile")
      assert.isUndefined(asking.pollUnsafe())
      assert.strictEqual((yield* complete(Fiber.join(asking))).text, "meanwhile")
      // The subscription was still there.
      assert.strictEqual((yield* sent(kit, "Subscribe")).length, 1)
      yield* TestClock.adjust(2 * roundTrip)
    }))

  for (const session of ["clean", "persistent"] as const) {
    scenario(
      `the session is lost: the subscription comes back, and answers with it (${session})`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect({ session })
          const asking = yield* begin(mqtt.request("ask", "x"))
          yield* TestClock.adjust(4 * roundTrip)
          yield* kit.broker.restart({ keepSessions: false })
          yield* TestClock.adjust(reconnected + 2 * roundTrip)
          const [{ properties }] = yield* requested(kit)
          yield* answer(kit, properties, "after all")
          assert.strictEqual((yield* complete(Fiber.join(asking))).text, "after all")
          assert.strictEqual((yield* sent(kit, "Subscribe")).length, 2)
          yield* TestClock.adjust(2 * roundTrip)
        })
    )
  }

  scenario("waits for the first connection", {}, (kit) =>
    Effect.gen(function*() {
      const { responding } = yield* responder(kit, echo)
      yield* kit.network.refuseConnect(2)
      const mqtt = yield* Fiber.join(yield* kit.start({ initialConnection: "retry" }))
      assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).text, "re: x")
      yield* TestClock.adjust(2 * roundTrip)
      yield* stop(responding)
    }))

  scenario(
    "each has its own time, also one that is asked later and may take less",
    {},
    (kit) =>
      Effect.gen(function*() {
        const { hearing, mqtt } = yield* askedBefore(kit)
        const reasons: Array<string> = []
        const ask = (timeout: Duration.Input) =>
          begin(
            Effect.flip(mqtt.request("ask", "silence", { timeout })).pipe(
              Effect.tap(({ reason }) =>
                Effect.sync(() =>
                  reasons.push(`${reason._tag} after ${Duration.format(Duration.fromInputUnsafe(timeout))}`)
                )
              )
            )
          )
        for (const timeout of ["5 seconds", "2 seconds", "3 seconds"] as const) yield* ask(timeout)
        yield* TestClock.adjust("1999 millis")
        assert.deepStrictEqual(reasons, [])
        yield* TestClock.adjust("1 millis")
        assert.deepStrictEqual(reasons, ["RequestTimeout after 2s"])
        yield* TestClock.adjust("3 seconds")
        assert.deepStrictEqual(reasons.slice(1), ["RequestTimeout after 3s", "RequestTimeout after 5s"])
        yield* stop(hearing)
      })
  )

  scenario("a message that has not left when its time is over never leaves", {}, (kit) =>
    Effect.gen(function*() {
      const { hearing, mqtt } = yield* askedBefore(kit)
      yield* kit.network.refuseConnect(100)
      yield* kit.network.reset
      yield* TestClock.adjust(roundTrip)
      const asking = yield* begin(Effect.flip(mqtt.request("ask", "x", { timeout: "1500 millis" })))
      yield* TestClock.adjust("1499 millis")
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Fiber.join(asking)).reason._tag, "RequestTimeout")
      assert.strictEqual((yield* mqtt.stats).outboxMessages, 0)
      yield* stop(hearing)
    }))

  scenario("time passes for it without a connection too", {}, (kit) =>
    Effect.gen(function*() {
      yield* kit.network.refuseConnect(100)
      const mqtt = yield* Fiber.join(yield* kit.start({ initialConnection: "retry" }))
      const reason = yield* reasonOf(mqtt.request("ask", "x", { timeout: "1 second" }))
      assert.strictEqual(reason._tag, "RequestTimeout")
    }))

  scenario("the subscription is refused: it fails, and the next one asks again", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.refuseSubscribe(0x87)
      const both = yield* complete(
        Effect.all([Effect.flip(mqtt.request("ask", "1")), Effect.flip(mqtt.request("ask", "2"))], {
          concurrency: "unbounded"
        })
      )
      for (const { reason } of both) {
        assert.strictEqual(reason._tag === "SubscribeRefused" && reason.topicFilter, `response/${clientId}`)
      }
      const { responding } = yield* responder(kit, echo)
      assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).text, "re: x")
      yield* TestClock.adjust(2 * roundTrip)
      yield* stop(responding)
    }))

  scenario(
    "the subscription is refused after a reconnect: who waits hears it, and the next one asks again",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const asking = yield* begin(Effect.flip(mqtt.request("ask", "x")))
        yield* TestClock.adjust(4 * roundTrip)
        yield* kit.broker.refuseSubscribe(0x87)
        yield* kit.network.reset
        const { reason } = yield* complete(Fiber.join(asking))
        assert.strictEqual(reason._tag, "SubscribeRefused")
        const { responding } = yield* responder(kit, echo)
        assert.strictEqual((yield* complete(mqtt.request("ask", "x"))).text, "re: x")
        yield* TestClock.adjust(2 * roundTrip)
        yield* stop(responding)
      })
  )

  scenario("a request that the server refuses fails with that", {
    broker: { authorizePublish: ({ topic }) => topic === "ask" ? 0x87 : 0x00 }
  }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const reason = yield* reasonOf(mqtt.request("ask", "x"))
      assert.strictEqual(reason._tag === "PublishRefused" && reason.reasonCode, 0x87)
      const invalid = yield* reasonOf(mqtt.request("ask/+", "x"))
      assert.strictEqual(invalid._tag, "InvalidRequest")
    }))

  scenario(
    "S47 interrupted before it was sent it is withdrawn, after that its answer is dropped",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect({ maxInFlight: 1 })
        const first = yield* begin(mqtt.request("ask", "1"))
        yield* TestClock.adjust(roundTrip)
        yield* kit.broker.holdAcknowledgements("Puback")
        yield* TestClock.adjust(roundTrip)
        const second = yield* begin(mqtt.request("ask", "2"))
        yield* Fiber.interrupt(second)
        yield* Fiber.interrupt(first)
        yield* kit.broker.releaseAcknowledgements()
        yield* TestClock.adjust(2 * roundTrip)
        assert.deepStrictEqual(yield* accepted(kit), ["1"])
        const [{ properties }] = yield* requested(kit)
        yield* answer(kit, properties, "late")
        yield* TestClock.adjust(roundTrip)
        assert.strictEqual((yield* mqtt.stats).answersDropped, 1)
      })
  )

  scenario("the one that began to subscribe is interrupted: the others go on", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const { responding } = yield* responder(kit, echo)
      const first = yield* begin(mqtt.request("ask", "1"))
      const second = yield* begin(mqtt.request("ask", "2"))
      yield* Fiber.interrupt(first)
      assert.strictEqual((yield* complete(Fiber.join(second))).text, "re: 2")
      assert.strictEqual((yield* sent(kit, "Subscribe")).length, 1)
      assert.deepStrictEqual((yield* requested(kit)).length, 1)
      yield* TestClock.adjust(2 * roundTrip)
      yield* stop(responding)
    }))

  for (
    const [when, passing] of [["before it is subscribed", 0], ["while it waits for the answer", 4 * roundTrip]] as const
  ) {
    scenario(
      `the client is closed ${when}: it fails with Closed, and so does the next`,
      {},
      (kit) =>
        Effect.gen(function*() {
          const mqtt = yield* kit.connect()
          const asking = yield* begin(Effect.flip(mqtt.request("ask", "x")))
          yield* TestClock.adjust(passing)
          yield* complete(mqtt.disconnect)
          assert.strictEqual((yield* Fiber.join(asking)).reason._tag, "Closed")
          assert.strictEqual((yield* reasonOf(mqtt.request("ask", "x")))._tag, "Closed")
        })
    )
  }

  scenario("what ends the client ends a request that waits for a connection", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      yield* kit.broker.refuseSession(0x87)
      yield* kit.network.reset
      const asking = yield* begin(Effect.flip(mqtt.request("ask", "x")))
      const { reason } = yield* complete(Fiber.join(asking))
      assert.strictEqual(reason._tag, "ConnectionRefused")
    }))

  scenario("3.1.1 has no Response Topic: it says so", { versions: ["3.1.1"] }, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const requesting = yield* reasonOf(mqtt.request("ask", "x"))
      const responding = yield* reasonOf(mqtt.respond("ask", echo))
      for (const reason of [requesting, responding]) {
        assert.strictEqual(reason._tag === "InvalidRequest" && reason.field, "protocolVersion")
        assert.include(reason.message, "protocolVersion: \"5.0\"")
      }
      assert.deepStrictEqual(yield* sent(kit, "Subscribe"), [])
    }))

  scenario(
    "\"auto\" that ended in 3.1.1: so too",
    { versions: ["3.1.1"], broker: { versions: ["3.1.1"] } },
    (kit) =>
      Effect.gen(function*() {
        yield* kit.network.refuseConnect(1)
        const mqtt = yield* Fiber.join(yield* kit.start({ protocolVersion: "auto", initialConnection: "retry" }))
        const responding = yield* begin(Effect.flip(mqtt.respond("ask", echo)))
        const reason = yield* reasonOf(mqtt.request("ask", "x"))
        assert.strictEqual(reason._tag === "InvalidRequest" && reason.field, "protocolVersion")
        yield* TestClock.adjust(2 * roundTrip)
        yield* kit.broker.publish("ask", "x", { qos: 1 })
        assert.strictEqual((yield* complete(Fiber.join(responding))).reason._tag, "InvalidRequest")
        yield* TestClock.adjust("1 minute")
      })
  )
})

describe("respond", () => {
  scenario("acknowledges a request when its answer is acknowledged", {}, (kit) =>
    Effect.gen(function*() {
      const { responding } = yield* responder(kit, echo)
      yield* kit.broker.holdAcknowledgements("Puback")
      yield* kit.broker.publish("ask", "x", { qos: 1, properties: { responseTopic: "answers" } })
      yield* TestClock.adjust(2 * roundTrip)
      assert.deepStrictEqual((yield* sent(kit, "Publish", "responder")).map(({ topic }) => topic), ["answers"])
      assert.deepStrictEqual(yield* sent(kit, "Puback", "responder"), [])
      yield* kit.broker.releaseAcknowledgements()
      yield* TestClock.adjust(2 * roundTrip)
      assert.strictEqual((yield* sent(kit, "Puback", "responder")).length, 1)
      yield* stop(responding)
    }))

  scenario(
    "gives back the Correlation Data as it was, or none, and says what the handler has to say",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const responding = yield* begin(mqtt.respond("ask", () =>
          Effect.succeed({
            payload: new Uint8Array([1, 2]),
            properties: { contentType: "x", userProperties: [["a", "1"], ["a", "2"]] as const }
          }), { answerQos: 2 }))
        yield* TestClock.adjust(roundTrip)
        const correlationData = new Uint8Array([0, 255, 0])
        yield* kit.broker.publish("ask", "x", { properties: { responseTopic: "answers", correlationData } })
        yield* kit.broker.publish("ask", "x", { properties: { responseTopic: "answers" } })
        yield* TestClock.adjust(6 * roundTrip)
        const answers = yield* sent(kit, "Publish")
        assert.deepStrictEqual(answers.map(({ properties }) => properties), [
          { contentType: "x", userProperties: [["a", "1"], ["a", "2"]], correlationData },
          { contentType: "x", userProperties: [["a", "1"], ["a", "2"]] }
        ])
        assert.deepStrictEqual(answers.map(({ payload, qos }) => [[...payload], qos]), [[[1, 2], 2], [[1, 2], 2]])
        yield* stop(responding)
      })
  )

  scenario(
    "a message without a Response Topic is no request: acknowledged, and no handler runs",
    {},
    (kit) =>
      Effect.gen(function*() {
        const handled: globalThis.Array<string> = []
        const { responding } = yield* responder(kit, ({ text }) => Effect.sync(() => String(handled.push(text)))).pipe(
          Effect.provideService(References.MinimumLogLevel, "Error")
        )
        yield* kit.broker.publish("ask", "no request", { qos: 1 })
        yield* kit.broker.publish("ask", "request", { qos: 1, properties: { responseTopic: "answers" } })
        yield* TestClock.adjust(4 * roundTrip)
        assert.deepStrictEqual(handled, ["request"])
        assert.strictEqual((yield* sent(kit, "Puback", "responder")).length, 2)
        yield* stop(responding)
      })
  )

  for (
    const [what, responseTopics, refused, allowed] of [
      ["by default none that begins with $", undefined, "$SYS/x", "answers/1"],
      ["none but those of `responseTopics`", ["answers/+", "$own/#"], "site/door/open", "$own/1"],
      ["none but those of one filter", "answers/#", "answer/1", "answers/1"]
    ] as const
  ) {
    scenario(`security 20: answers to ${what}`, {}, (kit) =>
      Effect.gen(function*() {
        const handled: Array<string> = []
        const { responding } = yield* responder(kit, (request) =>
          Effect.sync(() => {
            handled.push(request.text)
            return "done"
          }), { ...(responseTopics === undefined ? {} : { responseTopics }), answerQos: 1 })
        yield* kit.broker.publish("ask", "refused", { qos: 1, properties: { responseTopic: refused } })
        yield* kit.broker.publish("ask", "allowed", { qos: 1, properties: { responseTopic: allowed } })
        yield* TestClock.adjust(3 * roundTrip)
        assert.deepStrictEqual(handled, ["allowed"])
        assert.deepStrictEqual((yield* sent(kit, "Publish", "responder")).map(({ topic }) => topic), [allowed])
        const codes = (yield* sent(kit, "Puback", "responder")).map(({ reasonCode }) => reasonCode)
        assert.deepStrictEqual(codes, [0x90, 0x00])
        yield* stop(responding)
      }))
  }

  scenario("`responseTopics` has to be filters", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const reason = yield* reasonOf(mqtt.respond("ask", echo, { responseTopics: ["a/#/b"] }))
      assert.strictEqual(reason._tag === "InvalidOptions" ? reason.option : reason._tag, "responseTopics")
    }))

  scenario("an answer that the server refuses is the asker's loss: acknowledged, and it goes on", {
    broker: { authorizePublish: ({ topic }) => topic === "forbidden" ? 0x87 : 0x00 }
  }, (kit) =>
    Effect.gen(function*() {
      const { responding } = yield* responder(kit, echo).pipe(
        Effect.provideService(References.MinimumLogLevel, "Error")
      )
      for (const responseTopic of ["forbidden", "$SYS/x", "allowed"]) {
        yield* kit.broker.publish("ask", "x", { qos: 1, properties: { responseTopic } })
      }
      yield* TestClock.adjust(6 * roundTrip)
      assert.isUndefined(responding.pollUnsafe())
      assert.strictEqual((yield* sent(kit, "Puback", "responder")).length, 3)
      yield* stop(responding)
    }))

  scenario("one whose answer comes back as a request answers it once", {}, (kit) =>
    Effect.gen(function*() {
      const { responding } = yield* responder(kit, echo).pipe(
        Effect.provideService(References.MinimumLogLevel, "Error")
      )
      yield* kit.broker.publish("ask", "x", { qos: 1, properties: { responseTopic: "ask" } })
      yield* TestClock.adjust(10 * roundTrip)
      assert.strictEqual((yield* sent(kit, "Publish", "responder")).length, 1)
      yield* stop(responding)
    }))

  scenario(
    "S37 what a handler fails with is `onFailure`'s business, as in `consume`",
    {},
    (kit) =>
      Effect.gen(function*() {
        const mqtt = yield* kit.connect()
        const handler = ({ text }: MqttMessage): Effect.Effect<string, MqttRejected | "broken"> =>
          Effect.fail(text === "refuse" ? new MqttRejected({ reasonCode: 0x99 }) : "broken")
        const responding = yield* begin(mqtt.respond("ask", handler))
        yield* TestClock.adjust(roundTrip)
        for (const text of ["refuse", "break"]) {
          yield* kit.broker.publish("ask", text, { qos: 1, properties: { responseTopic: "answers" } })
        }
        const exit = yield* complete(Fiber.await(responding))
        yield* TestClock.adjust(roundTrip)
        assert.deepStrictEqual(
          Exit.isFailure(exit) ? Option.getOrUndefined(Cause.findErrorOption(exit.cause)) : undefined,
          "broken"
        )
        assert.deepStrictEqual((yield* sent(kit, "Puback")).map(({ reasonCode }) => reasonCode), [0x99])
        assert.deepStrictEqual(yield* sent(kit, "Publish"), [])
        yield* TestClock.adjust("1 minute")
      })
  )

  scenario("several clients share the requests, and each is answered once", {}, (kit) =>
    Effect.gen(function*() {
      const mqtt = yield* kit.connect()
      const names = ["a", "b", "c"]
      const responders = yield* Effect.forEach(names, (name) =>
        Effect.flatMap(kit.connect({ clientId: name }), (client) =>
          begin(client.respond("$share/pool/ask", () =>
            Effect.succeed(name)))))
      yield* TestClock.adjust(roundTrip)
      const answers = yield* complete(
        Effect.forEach(Array.range(1, 30), (index) =>
          mqtt.request("ask", `${index}`), { concurrency: "unbounded" })
      )
      const counts = names.map((name) => answers.filter(({ text }) => text === name).length)
      assert.deepStrictEqual(counts, [10, 10, 10])
      assert.strictEqual((yield* mqtt.stats).answersDropped, 0)
      yield* TestClock.adjust(2 * roundTrip)
      yield* Effect.forEach(responders, stop)
    }))
})
