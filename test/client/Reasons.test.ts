/**
 * The program hears everything that a server says about itself and about failures.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Schedule } from "effect"
import { TestClock } from "effect/testing"
import type * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import { ScriptedServer } from "../../src/testing/index.ts"
import { type Connack, openingClient, type Peer } from "../support/peer.ts"
import { stateOf } from "../support/scenario.ts"
import { begin, latency, roundTrip } from "../support/time.ts"

const says = { reasonString: "because", userProperties: [["k", "1"], ["k", "2"]] } as const

/** A client that begins, and the server's end of its first connection after its CONNACK. */
const answered = Effect.fnUntraced(function*(connack: Connack, options?: MqttClient.Options) {
  const { fiber, peer } = yield* openingClient(options)
  yield* peer.handshake(connack)
  yield* TestClock.adjust(latency)
  return { client: fiber, peer }
})

/** What a call of the client fails with after the server has answered. */
const refused = Effect.fnUntraced(function*<A, R>(
  call: Effect.Effect<A, MqttError, R>,
  answer: Effect.Effect<void>
) {
  const calling = yield* begin(Effect.flip(call))
  yield* TestClock.adjust(latency)
  yield* answer
  yield* TestClock.adjust(latency)
  return (yield* Fiber.join(calling)).reason
})

/** Code, text and pairs of a reason that has them. */
const told = (reason: MqttError["reason"]) =>
  "reasonCode" in reason && "userProperties" in reason
    ? [reason._tag, reason.reasonCode, reason.reasonString, reason.userProperties]
    : reason

const run = <A, E>(test: Effect.Effect<A, E, Effect.Services<ReturnType<typeof answered>>>) =>
  Effect.scoped(test).pipe(Effect.provide(ScriptedServer.layer()))

describe("what the server says", () => {
  it.effect("R51 R60 in a CONNACK that refuses", () =>
    run(Effect.gen(function*() {
      const { client } = yield* answered({ reasonCode: 0x97, properties: says })
      const { message, reason } = yield* Effect.flip(Fiber.join(client))
      assert.deepStrictEqual(told(reason), ["ConnectionRefused", 0x97, "because", says.userProperties])
      assert.include(message, "the server says: because")
    })))

  it.effect("R134 in a DISCONNECT", () =>
    run(Effect.gen(function*() {
      const { client, peer } = yield* answered({})
      const mqtt = yield* Fiber.join(client)
      const reason = yield* refused(
        mqtt.publish("t", "", { qos: 1 }),
        peer.send({ _tag: "Disconnect", reasonCode: 0x87, properties: says })
      )
      assert.deepStrictEqual(told(reason), ["ServerDisconnected", 0x87, "because", says.userProperties])
    })))

  it.effect("R134 in the DISCONNECT of a takeover", () =>
    run(Effect.gen(function*() {
      const { client, peer } = yield* answered({}, { clientId: "me" })
      const mqtt = yield* Fiber.join(client)
      const reason = yield* refused(
        mqtt.publish("t", "", { qos: 1 }),
        peer.send({ _tag: "Disconnect", reasonCode: 0x8e, properties: says })
      )
      assert.strictEqual(reason._tag === "SessionTakenOver" ? reason.reasonString : reason, "because")
    })))

  it.effect("R80 P1F P26 in PUBACK, PUBREC and SUBACK", () =>
    run(Effect.gen(function*() {
      const { client, peer } = yield* answered({})
      const mqtt = yield* Fiber.join(client)
      const puback = yield* refused(
        mqtt.publish("t", "", { qos: 1 }),
        peer.send({ _tag: "Puback", packetIdentifier: 1, reasonCode: 0x87, properties: says })
      )
      assert.deepStrictEqual(told(puback), ["PublishRefused", 0x87, "because", says.userProperties])
      const pubrec = yield* refused(
        mqtt.publish("t", "", { qos: 2 }),
        peer.send({ _tag: "Pubrec", packetIdentifier: 2, reasonCode: 0x97, properties: says })
      )
      assert.deepStrictEqual(told(pubrec), ["PublishRefused", 0x97, "because", says.userProperties])
      const suback = yield* refused(
        mqtt.subscribe("t"),
        peer.send({ _tag: "Suback", packetIdentifier: 3, reasonCodes: [0x87], properties: says })
      )
      assert.deepStrictEqual(told(suback), ["SubscribeRefused", 0x87, "because", says.userProperties])
    })))

  it.effect("R53 R55 R57 R58 R60 in a CONNACK that accepts: the state has it", () =>
    run(Effect.gen(function*() {
      const properties = {
        ...says,
        assignedClientIdentifier: "yours",
        serverKeepAlive: 20,
        receiveMaximum: 5,
        maximumQos: 1,
        retainAvailable: 0,
        topicAliasMaximum: 7,
        sessionExpiryInterval: 10
      } as const
      const { client } = yield* answered({ properties }, { clientId: "" })
      const state = yield* stateOf(yield* Fiber.join(client))
      assert.deepInclude(state, {
        _tag: "Connected",
        protocolVersion: "5.0",
        clientId: "yours",
        keepAlive: 20,
        sessionExpiry: 10,
        reasonString: "because",
        userProperties: says.userProperties,
        responseInformation: undefined,
        serverReference: undefined
      })
      const limits = state._tag === "Connected" ? state.limits : undefined
      assert.deepInclude(limits, { receiveMaximum: 5, maximumQos: 1, retainAvailable: false, topicAliasMaximum: 7 })
    })))

  it.effect("R98 a server that sends more than our Receive Maximum is told more on the next connection", () =>
    run(Effect.gen(function*() {
      const { client, peer } = yield* answered({}, {
        receiveMaximum: 2,
        strictReceiveMaximum: true,
        reconnect: Schedule.spaced("1 second")
      })
      yield* Fiber.join(client)
      const announced = Effect.fnUntraced(function*(connection: Peer) {
        const [connect] = yield* connection.received
        return connect._tag === "Connect" ? connect.properties.receiveMaximum : undefined
      })
      assert.strictEqual(yield* announced(peer), 2)
      const publish = (packetIdentifier: number) =>
        ({ _tag: "Publish", topic: "t", payload: new Uint8Array(1), qos: 1, packetIdentifier }) as const
      yield* peer.send(publish(1), publish(2), publish(3))
      yield* TestClock.adjust(roundTrip)
      assert.deepInclude((yield* peer.received).at(-1), { _tag: "Disconnect", reasonCode: 0x93 })
      const server = yield* ScriptedServer.ScriptedServer
      yield* TestClock.adjust("2 seconds")
      const next = yield* server.accept
      yield* TestClock.adjust(latency)
      yield* next.handshake({})
      assert.strictEqual(yield* announced(next), 8)
      yield* next.send(publish(1), publish(2), publish(3))
      yield* TestClock.adjust(roundTrip)
      assert.lengthOf((yield* next.received).filter(({ _tag }) => _tag === "Puback"), 3)
    })))

  it.effect("R98 one that sends a little more than our Receive Maximum is excused, counted, and told of once", () => {
    const warnings: Array<string> = []
    const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
      if (logLevel === "Warn") warnings.push(String(message))
    })
    return run(Effect.gen(function*() {
      const { client, peer } = yield* answered({}, { receiveMaximum: 2, reconnect: Schedule.spaced("1 second") })
      const mqtt = yield* Fiber.join(client)
      const send = (first: number, last: number) => {
        const length = last - first + 1
        return Effect.andThen(
          peer.send(
            ...Array.from({ length }, (_, index) =>
              ({
                _tag: "Publish",
                topic: "t",
                payload: new Uint8Array(1),
                qos: 2,
                packetIdentifier: first + index
              }) as const)
          ),
          TestClock.adjust(roundTrip)
        )
      }
      yield* send(1, 2)
      assert.strictEqual((yield* mqtt.stats).receiveMaximumExceeded, 0)
      yield* send(3, 3)
      yield* send(4, 102)
      assert.strictEqual((yield* mqtt.stats).receiveMaximumExceeded, 100)
      assert.lengthOf(warnings, 1)
      assert.lengthOf((yield* peer.received).filter(({ _tag }) => _tag === "Pubrec"), 102)
      yield* send(103, 103)
      assert.deepInclude((yield* peer.received).at(-1), { _tag: "Disconnect", reasonCode: 0x93 })
    })).pipe(Effect.provide(Logger.layer([logger])))
  })
})
