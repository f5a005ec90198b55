/**
 * Which messages a subscription brings, and how often.
 */
import { Effect } from "effect"
import type { MqttClient } from "../../../src/index.ts"
import * as Broker from "../../brokers/Broker.ts"
import {
  type Check,
  type Context,
  counted,
  failureOf,
  type Inbox,
  inTime,
  next,
  recorded,
  textsOf,
  until,
  verdict
} from "../Check.ts"

const unsubscribe: Check = {
  name: "unsubscribe",
  title: "unsubscribe",
  description: "after its subscriber has left nothing comes any more",
  run: Effect.fnUntraced(function*(context) {
    const { name } = context
    const { mqtt, wire } = yield* recorded(context)
    const inbox = yield* Broker.subscribed(mqtt, `${name}/end`, { qos: 1 })
    yield* Effect.scoped(Effect.asVoid(mqtt.subscribe(`${name}/left`, { qos: 1 })))
    yield* inTime(wire.until(([recording]) => recording.of("toClient", "Unsuback").length === 1))
    yield* mqtt.publish(`${name}/left`, "x", { qos: 1 })
    yield* mqtt.publish(`${name}/end`, "end", { qos: 1 })
    yield* until(inbox, "end")
    const came = wire.recordings[0].of("toClient", "Publish").filter(({ topic }) => topic.endsWith("left"))
    return verdict(came.length > 0 && `${came.length} come`)
  })
}

type Overlapping = readonly [filter: string, options: MqttClient.SubscribeOptions]

/** Three messages on one topic; what each of the overlapping subscribers of one client has of them. */
const overlapping = Effect.fnUntraced(function*(
  context: Context,
  qos: 1 | 2,
  first: Overlapping,
  second: Overlapping
) {
  const { client, name } = context
  const mqtt = yield* client()
  const inboxes = [
    yield* Broker.subscribed(mqtt, `${name}/${first[0]}`, first[1]),
    yield* Broker.subscribed(mqtt, `${name}/${second[0]}`, second[1])
  ]
  const publisher = yield* client()
  for (const text of ["1", "2", "3", "end"]) yield* publisher.publish(`${name}/x`, text, { qos })
  const seen = yield* Effect.forEach(
    inboxes,
    (inbox) => Effect.map(until(inbox, "end"), (messages) => counted(messages.map(({ text }) => text)))
  )
  if (seen.every((texts) => texts === "2 × 1 2 × 2 2 × 3")) return "each has each message twice"
  return verdict(
    ...["first", "second"].map((which, index) =>
      seen[index] !== "1 2 3" && `the ${which} has ${seen[index] || "nothing"}`
    )
  )
})

const overlap: Check = {
  name: "overlap",
  title: "overlapping filters",
  description: "two subscribers of one client, with `a/#` and `a/+`, have each message once",
  run: (context) => overlapping(context, 1, ["#", { qos: 1 }], ["+", { qos: 1 }])
}

const overlapMixed: Check = {
  name: "overlapMixed",
  title: "overlapping, QoS 1 and 2",
  description: "the same with QoS 1 for one and 2 for the other",
  run: (context) => overlapping(context, 2, ["#", { qos: 1 }], ["+", { qos: 2 }])
}

const overlapOptions: Check = {
  name: "overlapOptions",
  title: "overlapping, other options",
  description: "the same with Retain As Published for one only",
  versions: ["5.0"],
  run: (context) => overlapping(context, 1, ["#", { qos: 1, retainAsPublished: true }], ["+", { qos: 1 }])
}

const options: Check = {
  name: "options",
  title: "subscription options",
  description: "No Local, Retain As Published, and Retain Handling 2",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client, name }) {
    const mqtt = yield* client()
    const other = yield* client()
    const failure = yield* failureOf(other.publish(`${name}/kept`, "kept", { qos: 1, retain: true }))
    const isRetaining = failure === undefined
    const noLocal = yield* Broker.subscribed(mqtt, `${name}/local`, { qos: 1, noLocal: true })
    const kept = yield* Broker.subscribed(mqtt, `${name}/kept`, { qos: 1, retainHandling: 2, retainAsPublished: true })
    yield* mqtt.publish(`${name}/local`, "own", { qos: 1 })
    yield* other.publish(`${name}/local`, "end", { qos: 1 })
    const local = yield* until(noLocal, "end")
    yield* other.publish(`${name}/kept`, "later", { qos: 1, retain: isRetaining })
    const first = yield* next(kept)
    return verdict(
      local.length > 0 && "ignores No Local",
      first?.text !== "later" && "ignores Retain Handling",
      isRetaining && first?.retain === false && "ignores Retain As Published"
    )
  })
}

const shared: Check = {
  name: "shared",
  title: "shared",
  description: "two clients share a subscription: each message comes to exactly one client",
  run: Effect.fnUntraced(function*({ client, name }) {
    const texts = Array.from({ length: 10 }, (_, index) => `${index}`)
    const workers = [yield* client(), yield* client()]
    const inboxes: Array<Inbox> = []
    for (const worker of workers) {
      const subscribing = Broker.subscribed(worker, `$share/${name}/${name}/work`, { qos: 1 })
      const failure = yield* failureOf(Effect.map(subscribing, (inbox) => void inboxes.push(inbox)))
      if (failure !== undefined) return failure
    }
    const ends = yield* Effect.forEach(workers, (worker) => Broker.subscribed(worker, `${name}/end`, { qos: 1 }))
    const publisher = yield* client()
    for (const text of texts) yield* publisher.publish(`${name}/work`, text, { qos: 1 })
    yield* publisher.publish(`${name}/end`, "end", { qos: 1 })
    yield* Effect.forEach(ends, (inbox) => until(inbox, "end"))
    const seen = (yield* Effect.forEach(inboxes, textsOf)).flat()
    const isComplete = seen.toSorted().join() === texts.join()
    return verdict(!isComplete && (seen.length === 0 ? "nothing comes" : `comes as ${counted(seen.toSorted())}`))
  })
}

const request: Check = {
  name: "request",
  title: "request, response",
  description: "`request` is answered by `respond` of another client",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client, name }) {
    const responder = yield* client()
    const requester = yield* client()
    yield* Effect.forkScoped(responder.respond(name, (request) => Effect.succeed(`${request.text}!`)))
    // The subscription of `respond` is under way.
    const answer = yield* requester.request(name, "hello", { timeout: "2 seconds" }).pipe(
      Effect.retry({
        while: ({ reason }) => reason._tag === "NoResponder" || reason._tag === "RequestTimeout",
        times: 3
      })
    )
    return verdict(answer.text !== "hello!" && `answered ${answer.text}`)
  })
}

export const subscriptions: ReadonlyArray<Check> = [
  unsubscribe,
  options,
  overlap,
  overlapMixed,
  overlapOptions,
  shared,
  request
]
