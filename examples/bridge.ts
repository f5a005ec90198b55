// Shows a bridge between two brokers, edge and cloud: readings go up and commands come down one topic tree, through an
// outage of the cloud. Ends by itself in about seven seconds; fails if a message was lost or came back. Own brokers, or
// the 5.0 cloud at MQTT_URL=mqtt://user:password@host:port. --forever goes on.
import { NodeRuntime } from "@effect/platform-node"
import { Config, ConfigProvider, Console, Deferred, Effect, Layer, Redacted, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { MqttClient, MqttError, type MqttMessage } from "../src/index.ts"
import { NodeMqtt, NodeMqttConfig } from "../src/node/index.ts"
import { Broker } from "./support/broker.ts"
import * as Broker5 from "./support/broker5.ts"
import * as Example from "./support/example.ts"
import { say, tellStates } from "./support/narration.ts"
import * as Relay from "./support/relay.ts"
import * as Tally from "./support/tally.ts"

type Client = MqttClient.MqttClient["Service"]

// ---------------------------------------------------------------------------
// The bridge
// ---------------------------------------------------------------------------

class Edge extends MqttClient.Service<Edge>()("Edge") {}
class Cloud extends MqttClient.Service<Cloud>()("Cloud") {}

/** The properties of the message, except those of the connection on which it arrived. */
const propertiesOf = ({ packet }: MqttMessage.MqttMessage): MqttClient.PublishProperties => {
  const { subscriptionIdentifiers: _identifiers, topicAlias: _alias, ...properties } = packet.properties
  return properties
}

/**
 * Forwards a message unchanged, and acknowledges it on this side when the other side has acknowledged it. If the other
 * side refuses a message, it is refused here too, and an expired message is dropped; otherwise either would stop the
 * bridge for good.
 */
const forwardTo = (to: Client) => (message: MqttMessage.MqttMessage) =>
  to.publish(message.topic, message.payload, {
    qos: message.qos,
    retain: message.retain,
    properties: propertiesOf(message)
  }).pipe(
    Effect.catchReasons("MqttError", {
      PublishRefused: () => Effect.fail(new MqttError.MqttRejected({ reasonCode: 0x83 })),
      MessageExpired: () => Effect.void
    })
  )

/**
 * Runs both directions until one of them fails. The bridge never receives its own messages (`noLocal`), so there is no
 * loop. A bridge that starts again does not ask for the retained messages again (`retainHandling`): an old message of
 * one side would replace a newer one of the other. It forwards up to a hundred topics at once, each in its order.
 */
const bridge = Effect.fnUntraced(function*(topicFilter: string) {
  const edge = yield* Edge
  const cloud = yield* Cloud
  const options: MqttClient.ConsumeOptions = {
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 1,
    concurrency: 100,
    key: ({ topic }) => topic
  }
  yield* Effect.all([
    edge.consume(topicFilter, forwardTo(cloud), options),
    cloud.consume(topicFilter, forwardTo(edge), options)
  ], { concurrency: "unbounded", discard: true })
})

/** Server and client identifier come from the environment: EDGE_URL, EDGE_CLIENT_ID and so on. */
const fromEnvironment = (prefix: string) =>
  NodeMqtt.layerConfig(
    NodeMqttConfig.merge(Config.nested(NodeMqttConfig.options, prefix), {
      // While the bridge is away, each broker keeps messages for it.
      session: Config.succeed("persistent"),
      sessionExpiry: Config.succeed("1 minute"),
      initialConnection: Config.succeed("retry"),
      reconnect: Config.succeed(Schedule.spaced("500 millis")),
      connectTimeout: Config.succeed("1 second"),
      responseTimeout: Config.succeed("1 second")
    })
  )

const clients = Layer.mergeAll(Edge.layer(fromEnvironment("EDGE")), Cloud.layer(fromEnvironment("CLOUD")))

// ---------------------------------------------------------------------------
// The rest of the world
// ---------------------------------------------------------------------------

/** The messages one side publishes, and those that arrive on the other side and on this one. Each must come once. */
interface Direction {
  readonly name: string
  readonly topic: string
  readonly from: Client
  readonly to: Client
  readonly arrived: Tally.Tally
  readonly atHome: Tally.Tally
}

const direct = Effect.fnUntraced(function*(options: Pick<Direction, "name" | "topic" | "from" | "to">) {
  const arrived = Tally.make()
  const atHome: Tally.Tally = { ...Tally.make(), sent: arrived.sent }
  yield* Tally.count(options.to, options.topic, arrived)
  yield* Tally.count(options.from, options.topic, atHome)
  return { ...options, arrived, atHome }
})

const outage = Effect.fnUntraced(function*(relay: Relay.Relay, readings: Direction) {
  yield* Effect.sleep("1 second")
  yield* Relay.outage(relay, { silence: "1200 millis", refusal: "1500 millis" })
  const waiting = Tally.lost(readings.arrived)
  yield* say("edge", `keeps ${waiting} readings until the cloud has them`)
  yield* Example.expect(waiting > 0, "nothing waited for the cloud")
  yield* Effect.sleep("1500 millis")
})

const isThere = ({ arrived, atHome }: Direction): boolean => Tally.lost(arrived) === 0 && Tally.lost(atHome) === 0

const judge = Effect.fnUntraced(function*({ arrived, atHome, name }: Direction) {
  const returned = Tally.duplicated(atHome)
  yield* Console.log(`${name.padEnd(9)}  ${Tally.summary(arrived)}, returned ${returned}`)
  yield* Example.expect(Tally.lost(arrived) === 0, `${Tally.lost(arrived)} ${name} never arrived`)
  yield* Example.expect(returned === 0, `${returned} ${name} came back to where they came from`)
})

const scenario = Effect.fnUntraced(function*({ edgeUrl, relay, run }: {
  readonly edgeUrl: string
  readonly relay: Relay.Relay
  readonly run: string
}) {
  yield* tellStates("bridge", yield* Cloud)
  const tree = `effect-mqtt/${run}`
  const bridging = yield* Effect.forkScoped(bridge(`${tree}/#`), { startImmediately: true })

  const device = yield* Broker5.connect({ url: edgeUrl })
  const station = yield* MqttClient.MqttClient
  const readings = yield* direct({ name: "readings", topic: `${tree}/readings`, from: device, to: station })
  const commands = yield* direct({ name: "commands", topic: `${tree}/commands`, from: station, to: device })
  const directions = [readings, commands]
  const stop = yield* Deferred.make<void>()
  yield* Effect.all([
    ...directions.map(({ arrived, from, topic }) => Tally.send(from, topic, arrived, stop)),
    Effect.ensuring(outage(relay, readings), Deferred.succeed(stop, undefined))
  ], { concurrency: "unbounded", discard: true })
  // The broker of each direction has every message; the last of them may still be on their way across the bridge.
  yield* Example.eventually(Effect.sync(() => directions.every(isThere)))
  yield* Example.expect(bridging.pollUnsafe() === undefined, "the bridge ended")
  yield* Console.log("")
  yield* Effect.forEach(directions, judge, { discard: true })
})

const program = Effect.gen(function*() {
  const broker = yield* Broker
  const edgeBroker = yield* Broker5.inMemory
  yield* Console.log(`A bridge between a broker at the edge and ${broker.description}\n`)
  const relay = yield* Relay.make(Redacted.value(broker.url))
  const run = randomUUID()
  const edgeUrl = Redacted.value(edgeBroker.url)
  const env = {
    EDGE_URL: edgeUrl,
    EDGE_CLIENT_ID: `bridge${run.slice(0, 8)}`,
    CLOUD_URL: relay.url,
    CLOUD_CLIENT_ID: `bridge${run.slice(0, 8)}`
  }
  yield* scenario({ edgeUrl, relay, run }).pipe(
    Effect.provide(Layer.provide(clients, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))))
  )
})

program.pipe(
  Example.onceOrForever,
  Effect.provide(Layer.provideMerge(Broker5.client(), Broker5.layer())),
  Example.quietly,
  NodeRuntime.runMain
)
