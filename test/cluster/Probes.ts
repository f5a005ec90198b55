/**
 * Finds out which parts the nodes of a cluster share: small questions to a cluster without traffic, with clients that
 * are connected to one node each. The last questions kill a node.
 */
import {
  Context,
  Deferred,
  type Duration,
  Effect,
  Layer,
  Option,
  Queue,
  References,
  Schedule,
  type Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { MqttClient } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"
import { connected, soon } from "../brokers/Broker.ts"
import * as port from "../brokers/port.ts"
import { credentials } from "../brokers/Subject.ts"
import * as Line from "../soak/Line.ts"
import { Timeline } from "../soak/Timeline.ts"
import type * as Cluster from "./Cluster.ts"

type Mqtt = MqttClient.MqttClient["Service"]

export interface Result {
  readonly question: string
  /** `yes`, `no`, or how it is instead. */
  readonly answer: string
}

const yes = "yes"
const no = "no"

/** How long an answer may take. A cluster that has just lost a node elects leaders meanwhile. */
const patience = "20 seconds"

/** Nothing, if it fails or takes longer. */
const within = <A, E, R>(effect: Effect.Effect<A, E, R>, duration: Duration.Input = patience) =>
  Effect.option(Effect.timeoutOrElse(effect, { duration, orElse: () => Effect.fail("not in time") }))

const answerOf = (isSo: boolean): string => isSo ? yes : no

interface Place {
  readonly subject: Cluster.Subject
  readonly nodes: ReadonlyArray<Cluster.Node>
}

/** A client of one node, connected, for as long as the scope. */
const client = Effect.fnUntraced(function*(
  { nodes, subject }: Place,
  node: number,
  options: NodeMqtt.Options
): Effect.fn.Return<Mqtt, unknown, Scope.Scope> {
  const context = yield* Layer.build(NodeMqtt.layer({
    ...credentials,
    host: port.host,
    port: nodes[node].port ?? 0,
    protocolVersion: subject.protocolVersion,
    reconnect: soon,
    responseTimeout: "5 seconds",
    ...options
  }))
  return Context.get(context, MqttClient.MqttClient)
}, Effect.provideService(References.MinimumLogLevel, "None"))

const persistent = (clientId: string): NodeMqtt.Options => ({
  clientId,
  session: "persistent",
  sessionExpiry: "1 hour"
})

/** Everything that a client gets for a filter, as texts. */
const texts = Effect.fnUntraced(function*(mqtt: Mqtt, filter: string) {
  const queue = yield* Queue.unbounded<string>()
  const stream = yield* mqtt.subscribe(filter, { qos: 1 })
  yield* stream.pipe(
    Stream.runForEach(({ text }) => Queue.offer(queue, text)),
    Effect.forkScoped
  )
  return queue
})

/** Whether the text comes, in time. */
const comes = (queue: Queue.Dequeue<string>, text: string) =>
  Queue.take(queue).pipe(
    Effect.repeat({ until: (taken) => taken === text }),
    (comes) => within(comes, "8 seconds"),
    Effect.map(Option.isSome)
  )

const publishing = (place: Place, node: number, topic: string, text: string, options?: MqttClient.PublishOptions) =>
  client(place, node, {}).pipe(
    Effect.flatMap((mqtt) => mqtt.publish(topic, text, { qos: 1, ...options })),
    Effect.scoped
  )

const crosses = (place: Place) =>
  Effect.gen(function*() {
    const queue = yield* texts(yield* client(place, 0, {}), "probe/crosses")
    yield* publishing(place, 1, "probe/crosses", "here")
    return answerOf(yield* comes(queue, "here"))
  })

/** Leaves a session with one queued message at the first node. */
const leaveSession = Effect.fnUntraced(function*(place: Place, clientId: string) {
  yield* Effect.scoped(
    Effect.flatMap(client(place, 0, persistent(clientId)), (mqtt) => texts(mqtt, `probe/${clientId}`))
  )
  yield* publishing(place, 1, `probe/${clientId}`, "queued")
})

/** Whether another node knows the session, and has its message. */
const resume = Effect.fnUntraced(function*(place: Place, clientId: string, node: number) {
  const mqtt = yield* client(place, node, persistent(clientId))
  const { sessionPresent } = yield* connected(mqtt)
  const queue = yield* Queue.unbounded<string>()
  yield* mqtt.consume(`probe/${clientId}`, ({ text }) => Queue.offer(queue, text)).pipe(Effect.forkScoped)
  return { sessionPresent, hasQueued: yield* comes(queue, "queued") }
})

const sessionMoves = (place: Place) =>
  Effect.gen(function*() {
    yield* leaveSession(place, "moves")
    const { hasQueued, sessionPresent } = yield* resume(place, "moves", 1)
    return answerOf(sessionPresent && hasQueued)
  })

const takesOver = (place: Place) =>
  Effect.gen(function*() {
    const first = yield* client(place, 0, { clientId: "taken", stableAfter: "1 minute" })
    const lost = yield* Deferred.make<void>()
    yield* SubscriptionRef.changes(first.state).pipe(
      Stream.filter(({ _tag }) => _tag === "Disconnected" || _tag === "Closed"),
      Stream.runForEach(() => Deferred.succeed(lost, undefined)),
      Effect.forkScoped
    )
    yield* within(Effect.forkScoped(client(place, 1, { clientId: "taken" })))
    return answerOf(Option.isSome(yield* within(Deferred.await(lost))))
  })

const retainedAtOther = (place: Place) =>
  Effect.gen(function*() {
    yield* publishing(place, 0, "probe/retained", "kept", { retain: true })
    return answerOf(yield* comes(yield* texts(yield* client(place, 1, {}), "probe/retained"), "kept"))
  })

/** Two members at two nodes, and twenty messages at the third. */
const shares = (place: Place) =>
  Effect.gen(function*() {
    const members = yield* within(Effect.forEach([0, 1], (node) =>
      Effect.flatMap(client(place, node, {}), (mqtt) =>
        texts(mqtt, "$share/pool/probe/shared"))))
    if (Option.isNone(members)) {
      return `${no}, refuses the filter`
    }
    const plain = yield* texts(yield* client(place, 2, {}), "probe/shared")
    const sent = Array.from({ length: 20 }, (_, index) =>
      `${index}`)
    const publisher = yield* client(place, 2, {})
    yield* Effect.forEach(sent, (text) => publisher.publish("probe/shared", text, { qos: 1 }))
    yield* comes(plain, "19")
    yield* Effect.sleep("1 second")
    const counts = yield* Effect.forEach(members.value, Queue.size)
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (total === 0) return `${no}, the filter gets nothing`
    return total === sent.length && counts.every((count) => count > 0) ? yes : `${counts.join(" and ")} of 20`
  })

/** A client of the first node with a Will, behind a line that can be cut. */
const mortal = Effect.fnUntraced(function*(place: Place, topic: string) {
  const [node] = place.nodes
  const line = yield* Line.make({ timeline: new Timeline("mortal", () => 0, 1), upstream: () => node.port })
  yield* client(place, 0, { port: line.port, will: { topic, payload: "died", qos: 1 }, reconnect: soon })
  return line
})

const willIsHeard = (place: Place) =>
  Effect.gen(function*() {
    const queue = yield* texts(yield* client(place, 1, {}), "probe/will")
    const line = yield* mortal(place, "probe/will")
    line.refuse()
    return answerOf(yield* comes(queue, "died"))
  })

interface Probe {
  readonly question: string
  readonly ask: (place: Place) => Effect.Effect<string, unknown, Scope.Scope>
}

const probes: ReadonlyArray<Probe> = [
  { question: "a message reaches subscribers at another node", ask: crosses },
  { question: "a client finds its session and its queued messages at another node", ask: sessionMoves },
  { question: "a second client with the same identifier, at another node, ends the first", ask: takesOver },
  { question: "a retained message is at another node", ask: retainedAtOther },
  { question: "a Shared Subscription has members at several nodes", ask: shares },
  { question: "a Will is heard at another node", ask: willIsHeard }
]

const afterKill = {
  session: "after `kill -9` of its node, a client finds its session and its queued messages at another node",
  retained: "after `kill -9`, a retained message of that node is at another node",
  will: "the Will of a client whose node was killed is heard at another node",
  back: "a node that is back has the retained messages that were published at it"
}

/** A cluster that has just lost a node refuses things for a while, so the question is asked again. */
const insisting = (ask: Effect.Effect<string, unknown, Scope.Scope>): Effect.Effect<string> =>
  Effect.scoped(ask).pipe(
    Effect.retry(Schedule.spaced("500 millis")),
    (answer) => within(answer),
    Effect.map(Option.getOrElse(() => `not within ${patience}`))
  )

const hasRetained = (place: Place, node: number) =>
  insisting(Effect.gen(function*() {
    return answerOf(yield* comes(yield* texts(yield* client(place, node, {}), "probe/left"), "kept"))
  }))

/** One kill answers all that need one. */
const killing = (place: Place): Effect.Effect<ReadonlyArray<Result>, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const [node] = place.nodes
    yield* leaveSession(place, "survives")
    yield* publishing(place, 0, "probe/left", "kept", { retain: true })
    const wills = yield* texts(yield* client(place, 1, {}), "probe/last")
    yield* mortal(place, "probe/last")
    yield* node.kill
    const will = answerOf(yield* comes(wills, "died"))
    const session = yield* insisting(
      Effect.map(
        resume(place, "survives", 1),
        ({ hasQueued, sessionPresent }) => answerOf(sessionPresent && hasQueued)
      )
    )
    const retained = yield* hasRetained(place, 1)
    yield* node.start
    return [
      { question: afterKill.session, answer: session },
      { question: afterKill.retained, answer: retained },
      { question: afterKill.will, answer: will },
      { question: afterKill.back, answer: yield* hasRetained(place, 0) }
    ]
  })

/** Each question is asked with clients of its own; a failure is an answer too. */
export const run = Effect.fnUntraced(function*(subject: Cluster.Subject, { inStep, nodes }: Cluster.Cluster) {
  const place = { subject, nodes }
  const calm = yield* Effect.forEach(probes, ({ ask, question }) =>
    Effect.scoped(ask(place)).pipe(
      Effect.catch((error) => Effect.succeed(`failed: ${String(error)}`)),
      Effect.map((answer): Result => ({ question, answer }))
    ))
  yield* inStep
  const killed = yield* Effect.scoped(killing(place)).pipe(
    Effect.catch((error) =>
      Effect.succeed(
        Object.values(afterKill).map((question): Result => ({ question, answer: `failed: ${String(error)}` }))
      )
    )
  )
  yield* Effect.forEach(nodes, (node) => node.port === undefined ? node.start : Effect.void, { discard: true })
  yield* inStep
  return [...calm, ...killed]
})
