// Shows how to tell a broker that is down from a network that is down: `brokerUp` asks the broker, `NetworkProbe` the
// DNS. Ends by itself within ten seconds; fails if an answer is wrong. Brings its own DNS server, so that it can
// silence it, and its own broker, or uses the one at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Redacted, Schedule, type Scope } from "effect"
import * as Dgram from "node:dgram"
import { NetworkProbe } from "../src/index.ts"
import { NodeNetworkProbe } from "../src/node/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"

/** A DNS server that knows no names. It says so, which is an answer all the same. */
const dnsServer: Effect.Effect<
  { readonly address: string; readonly silence: Effect.Effect<void> },
  never,
  Scope.Scope
> = Effect.gen(function*() {
  let isSilent = false
  const socket = yield* Effect.acquireRelease(
    Effect.sync(() => Dgram.createSocket("udp4")),
    (socket) => Effect.sync(() => void socket.close())
  )
  socket.on("message", (query, { address, port }) => {
    if (isSilent) return
    const answer = Buffer.from(query)
    // An answer, "no such name" (NXDOMAIN), and no records. RFC 1035 section 4.1.1.
    answer.writeUInt16BE(0x8183, 2)
    answer.writeUInt16BE(0, 10)
    socket.send(answer.subarray(0, endOfQuestion(answer)), port, address)
  })
  yield* Effect.callback<void>((resume) => void socket.bind(0, "127.0.0.1", () => resume(Effect.void)))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    silence: Effect.sync(() => {
      isSilent = true
    })
  }
})

/** Labels up to the empty one, then type and class. The rest, such as EDNS, is not repeated. */
const endOfQuestion = (query: Buffer): number => query.indexOf(0, 12) + 5

const diagnose = (brokerUp: boolean, wanOk: boolean): string => {
  if (brokerUp) return "all is well"
  return wanOk ? "the network is there: it is the broker, or the way to it" : "there is no network"
}

const program = Effect.gen(function*() {
  const { description, url } = yield* Broker
  yield* Console.log(`The broker or the network, with ${description}\n`)
  const relay = yield* Relay.make(Redacted.value(url))
  const dns = yield* dnsServer
  const mqtt = yield* Broker5.connect({
    url: relay.url,
    responseTimeout: "1 second",
    reconnect: Schedule.spaced("300 millis")
  })

  const look = Effect.gen(function*() {
    const probe = yield* NetworkProbe.NetworkProbe
    const { brokerUp, wanOk } = yield* Effect.all({ brokerUp: mqtt.brokerUp, wanOk: probe.wanOk }, {
      concurrency: "unbounded"
    })
    yield* say("diagnosis", `broker ${brokerUp}, network ${wanOk}: ${diagnose(brokerUp, wanOk)}`)
    return `${brokerUp} ${wanOk}`
  }).pipe(Effect.provide(NodeNetworkProbe.layer({ server: dns.address, timeout: "1 second" })))

  const well = yield* look
  yield* say("broker", "answers no more; nobody is told")
  yield* relay.swallow
  // An answer heard a moment ago still counts.
  yield* Effect.sleep("1100 millis")
  const withoutBroker = yield* look
  yield* say("network", "is gone altogether")
  yield* dns.silence
  const withoutNetwork = yield* look
  const diagnoses = [well, withoutBroker, withoutNetwork].join(", ")
  yield* Example.expect(diagnoses === "true true, false true, false false", `what it saw was ${diagnoses}`)
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Broker5.layer()),
  Example.quietly,
  NodeRuntime.runMain
)
