/**
 * Getting in, over every transport, and the news of the end of a connection.
 */
import { Effect, Fiber, Layer, Option, Redacted, Schedule, Stream } from "effect"
import { MqttAuthentication, MqttClient } from "../../../src/index.ts"
import { NodeMqtt } from "../../../src/node/index.ts"
import { wanderer } from "../../brokers/AedesSubjects.ts"
import * as Broker from "../../brokers/Broker.ts"
import type { Way } from "../../brokers/Subject.ts"
import * as certificates from "../../support/certificates.ts"
import { type Check, type Context, failureOf, inTime, nameOf, next, verdict } from "../Check.ts"

const both = ["5.0", "3.1.1"] as const

const connect: Check = {
  name: "connect",
  title: "connect",
  description: "connects, the server answers, `auto` takes the highest version of the server, and a version that the " +
    "server does not speak is refused by name",
  run: Effect.fnUntraced(function*({ client, protocolVersion, subject }) {
    const mqtt = yield* client()
    const chosen = yield* Broker.connected(yield* client({ protocolVersion: "auto" }))
    const missing = both.filter((version) => !subject.versions.includes(version))
    const refusals = yield* Effect.forEach(missing, (version) => failureOf(client({ protocolVersion: version })))
    return verdict(
      (yield* Broker.connected(mqtt)).protocolVersion !== protocolVersion && "another version",
      !(yield* mqtt.brokerUp) && "no answer",
      chosen.protocolVersion !== subject.versions[0] && `auto: ${chosen.protocolVersion}`,
      ...refusals.map((refusal) => refusal !== "UnsupportedProtocolVersion" && `another version: ${refusal}`)
    )
  })
}

const wrongPassword: Check = {
  name: "password",
  title: "wrong password",
  description: "is refused as such (0x86 or 0x87, 4 or 5 in 3.1.1), and not tried again",
  run: Effect.fnUntraced(function*({ client }) {
    const refusals = yield* Effect.all([
      failureOf(client({ password: Redacted.make("wrong"), initialConnection: "fail" })),
      failureOf(client({ username: undefined, password: undefined }))
    ])
    const expected = ["ConnectionRefused (0x86)", "ConnectionRefused (0x87)"]
    return verdict(
      ...["wrong", "none"].map((what, index) => {
        const refusal = refusals[index] ?? "accepted"
        return !expected.includes(refusal) && `${what}: ${refusal}`
      })
    )
  })
}

const identifier: Check = {
  name: "identifier",
  title: "assigned identifier",
  description: "a client without an identifier is given one, which it keeps",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client }) {
    const mqtt = yield* client({ clientId: "" })
    return verdict((yield* Broker.connected(mqtt)).clientId === "" && "none is given")
  })
}

/** A client by URL, as programs make it. */
const clientAt = (options: NodeMqtt.Options) =>
  Layer.build(Layer.fresh(NodeMqtt.layer(options))).pipe(
    Effect.flatMap((services) => Effect.provideContext(MqttClient.MqttClient, services)),
    Broker.quietly
  )

/** Only the transport is another. */
const over = (way: Way): Check => ({
  name: way.replaceAll(" ", ""),
  title: way,
  description: `a message comes over ${way}`,
  run: Effect.fnUntraced(function*({ name, options, running, subject }) {
    const url = running.urls[way]
    if (url === undefined) return "not offered"
    const tls = way === "WebSocket" ? {} : { tls: { ca: certificates.ca } }
    const mqtt = yield* clientAt({ ...options, ...tls, url })
    const inbox = yield* Broker.subscribed(mqtt, name, { qos: 1 })
    yield* mqtt.publish(name, "x", { qos: 1 })
    return verdict((yield* next(inbox)) === undefined && `${subject.name} loses it`)
  })
})

/** What ends the connection there is. */
const endOf = (mqtt: Effect.Success<ReturnType<Context["client"]>>) =>
  mqtt.events.pipe(
    Stream.filter((event) => event._tag === "ConnectionEnded"),
    Stream.runHead,
    Effect.map((event) => Option.getOrUndefined(event)?.error),
    Effect.forkScoped({ startImmediately: true })
  )

const once = Schedule.recurs(0)

const takeover: Check = {
  name: "takeover",
  title: "takeover",
  description: "a second client with the same identifier ends the first, which learns the reason (5.0: 0x8E)",
  run: Effect.fnUntraced(function*({ client, name, protocolVersion }) {
    const first = yield* client({ clientId: name, reconnect: once })
    const ended = yield* endOf(first)
    const second = yield* client({ clientId: name })
    const error = yield* inTime(Fiber.join(ended))
    const seen = error === undefined ? "the first stays" : nameOf(error)
    yield* second.publish(`${name}/topic`, "x", { qos: 1 })
    const expected = protocolVersion === "5.0" ? "SessionTakenOver" : "ConnectionLost"
    return verdict(
      seen !== expected && (seen === "ConnectionLost" ? "hangs up without a word" : seen),
      (yield* second.stats).connections !== 1 && "the second is disturbed"
    )
  })
}

const authentication: Check = {
  name: "authentication",
  title: "AUTH",
  description: "enhanced authentication, and again on the same connection. A server that does not know the method " +
    "must refuse it with 0x8C",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client }) {
    const token = { token: Redacted.make("valid") }
    const failure = yield* failureOf(Effect.gen(function*() {
      const mqtt = yield* client({
        authentication: MqttAuthentication.token({ method: "TOKEN", token: Effect.succeed(token) })
      })
      yield* mqtt.reauthenticate
    }))
    return verdict(failure)
  })
}

const kick: Check = {
  name: "kick",
  title: "sent away",
  description: "a client that an administrator sends away learns the reason (0x98), and comes back",
  versions: ["5.0"],
  subjects: ["mosquitto-plugin"],
  run: Effect.fnUntraced(function*({ client, name }) {
    const mqtt = yield* client({ clientId: name })
    const ended = yield* endOf(mqtt)
    yield* (yield* client()).publish(`plugin/kick/${name}`, "", { qos: 1 })
    const error = yield* inTime(Fiber.join(ended))
    yield* mqtt.publish(`${name}/back`, "x", { qos: 1 })
    const seen = error === undefined ? "stays" : nameOf(error)
    return verdict(seen !== "ServerDisconnected (0x98)" && seen)
  })
}

const denied: Check = {
  name: "denied",
  title: "publish denied",
  description: "a message that is not allowed is refused (0x87) at QoS 1 and 2, and the connection goes on",
  versions: ["5.0"],
  subjects: ["mosquitto-plugin"],
  run: Effect.fnUntraced(function*({ client }) {
    const mqtt = yield* client()
    const [one, two] = yield* Effect.all([
      failureOf(mqtt.publish("plugin/forbidden", "x", { qos: 1 })),
      failureOf(mqtt.publish("plugin/forbidden", "x", { qos: 2 }))
    ])
    return verdict(
      one !== "PublishRefused (0x87)" && `QoS 1: ${one}`,
      two !== "PublishRefused (0x87)" && `QoS 2: ${two}`,
      (yield* mqtt.stats).connections !== 1 && "hangs up"
    )
  })
}

const redirect: Check = {
  name: "redirect",
  title: "Server Reference",
  description: "a server that has moved (0x9D) names its new address, and the client goes there if it may",
  versions: ["5.0"],
  subjects: ["aedes2"],
  run: Effect.fnUntraced(function*({ client, options, running: { host, port } }) {
    const refusal = yield* failureOf(client({ clientId: `${wanderer}1` }))
    const mqtt = yield* clientAt({
      ...options,
      host,
      port,
      clientId: `${wanderer}2`,
      followServerReference: { maximumHops: 1 }
    })
    const { serverReference } = yield* Broker.connected(mqtt)
    return verdict(
      refusal !== "ConnectionRefused (0x9d)" && `refused with ${refusal}`,
      serverReference !== `${host}:${port}` && `leads to ${serverReference}`
    )
  })
}

/** The end of the broker, so it comes last, for both versions at once. */
export const shutdown: Check = {
  name: "shutdown",
  title: "shutdown",
  description: "a server that is shut down tells its clients (5.0: 0x8B)",
  run: Effect.fnUntraced(function*({ client, running, subject }) {
    const seen = yield* Effect.forEach(subject.versions, (protocolVersion) =>
      Effect.gen(function*() {
        const mqtt = yield* client({ protocolVersion, reconnect: once })
        return { protocolVersion, ended: yield* endOf(mqtt) }
      }))
    yield* running.stop
    return verdict(
      ...(yield* Effect.forEach(seen, ({ ended, protocolVersion }) =>
        Effect.map(inTime(Fiber.join(ended)), (error) => {
          const heard = error === undefined ? "nothing" : nameOf(error)
          const expected = protocolVersion === "5.0" ? "ServerDisconnected (0x8b)" : "ConnectionLost"
          return heard !== expected && (heard === "ConnectionLost" ? "hangs up without a word" : heard)
        })))
    )
  })
}

export const connections: ReadonlyArray<Check> = [
  connect,
  wrongPassword,
  over("TLS"),
  over("WebSocket"),
  over("secure WebSocket"),
  identifier,
  authentication,
  takeover,
  kick,
  denied,
  redirect
]
