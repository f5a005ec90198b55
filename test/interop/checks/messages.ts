/**
 * Messages from one client to another: at every QoS, of every size, with all they can say.
 */
import { type Duration, Effect } from "effect"
import type { MqttClient } from "../../../src/index.ts"
import * as Broker from "../../brokers/Broker.ts"
import {
  type Check,
  type Context,
  counted,
  failureOf,
  nameOf,
  next,
  recorded,
  until,
  verdict,
  withQos2,
  yes
} from "../Check.ts"

const qualityOf = (qos: 0 | 1 | 2): Check => ({
  name: `qos${qos}`,
  title: `QoS ${qos}`,
  description: `a message at QoS ${qos} from one client to another comes once, at that QoS`,
  run: Effect.fnUntraced(function*({ client, name }) {
    const [publisher, receiver] = [yield* client(), yield* client()]
    const subscription = yield* receiver.subscribe(name, { qos })
    const inbox = yield* Broker.inbox(subscription)
    const failure = yield* failureOf(publisher.publish(name, "message", { qos }))
    yield* publisher.publish(name, "end", { qos: qos === 0 ? 0 : 1 })
    const messages = yield* until(inbox, "end")
    const [granted] = subscription.granted
    return verdict(
      granted !== qos && `grants ${granted}`,
      failure !== undefined && `publishing fails with ${failure}`,
      (failure === undefined || messages.length > 0) && messages.length !== 1 && `comes ${messages.length} times`,
      granted === qos && messages.some((message) => message.qos !== qos) && `comes at QoS ${messages[0]?.qos}`
    )
  })
})

const names = ["a.b", "with space", "/leading", "trailing/", "empty//level", "ü/水/🌊", "l/".repeat(23) + "25"]

const topics: Check = {
  name: "topics",
  title: "any topic",
  description: "topics with dots, spaces, empty levels, letters of all kinds and 25 levels come as they are",
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const remarks = yield* Effect.forEach(names, (rest) => {
      const topic = `${name}/${rest}`
      return Effect.scoped(Effect.gen(function*() {
        const { mqtt, wire } = yield* recorded(context)
        const inbox = yield* Broker.subscribed(mqtt, topic, { qos: 1 })
        yield* (yield* client()).publish(topic, "x", { qos: 1 })
        if ((yield* next(inbox))?.topic === topic) return undefined
        const [publish] = wire.recordings[0].of("toClient", "Publish")
        return publish === undefined ? "lost" : `comes as ${publish.topic.slice(name.length + 1)}`
      })).pipe(
        Effect.catch((error) => Effect.succeed(nameOf(error))),
        Effect.map((remark) => remark !== undefined && `"${rest}": ${remark}`)
      )
    })
    return verdict(...remarks)
  })
}

const sizes: Check = {
  name: "sizes",
  title: "0 B and 1 MB",
  description: "an empty payload and a payload of a million bytes",
  run: Effect.fnUntraced(function*({ client, name }) {
    const [publisher, receiver] = [yield* client(), yield* client()]
    const inbox = yield* Broker.subscribed(receiver, name, { qos: 1 })
    const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 31) % 251)
    const remarks: Array<string> = []
    for (const payload of [new Uint8Array(0), large]) {
      const failure = yield* failureOf(publisher.publish(name, payload, { qos: 1 }))
      const received = failure === undefined ? yield* next(inbox) : undefined
      if (failure !== undefined) remarks.push(`${payload.length} B: ${failure}`)
      else if (!Buffer.from(payload).equals(received?.payload ?? Buffer.from("lost"))) {
        remarks.push(`${payload.length} B: lost`)
      }
    }
    return verdict(...remarks)
  })
}

const retained: Check = {
  name: "retained",
  title: "retained",
  description: "a retained message comes to later subscribers, with the flag, until an empty one clears it",
  run: Effect.fnUntraced(function*({ client, name }) {
    const publisher = yield* client()
    const failure = yield* failureOf(publisher.publish(name, "kept", { qos: 1, retain: true }))
    if (failure !== undefined) return `publishing fails with ${failure}`
    const seenByNew = (within: Duration.Input) =>
      Effect.scoped(Effect.gen(function*() {
        const receiver = yield* client()
        const inbox = yield* Broker.subscribed(receiver, name, { qos: 1 })
        const first = yield* next(inbox, within)
        return first === undefined ? "nothing" : `${first.text} ${first.retain}`
      }))
    const before = yield* seenByNew("5 seconds")
    yield* publisher.publish(name, "", { qos: 1, retain: true })
    const after = yield* seenByNew("1 second")
    return verdict(before !== "kept true" && `comes as ${before}`, after !== "nothing" && `stays as ${after}`)
  })
}

const properties: Check = {
  name: "properties",
  title: "properties",
  description: "content type, payload format and User Properties (order, duplicates) come as they were sent",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client, name }) {
    const [publisher, receiver] = [yield* client(), yield* client()]
    const inbox = yield* Broker.subscribed(receiver, name, { qos: 1 })
    const userProperties = [["b", "1"], ["a", "2"], ["b", "1"]] as const
    yield* publisher.publish(name, "{}", {
      qos: 1,
      properties: { contentType: "application/json", payloadFormatIndicator: 1, userProperties }
    })
    const message = yield* next(inbox)
    return verdict(
      message === undefined && "lost",
      message?.contentType !== "application/json" && "no content type",
      message?.packet.properties.payloadFormatIndicator !== 1 && "no payload format",
      JSON.stringify(message?.userProperties) !== JSON.stringify(userProperties) &&
        `User Properties ${JSON.stringify(message?.userProperties)}`
    )
  })
}

const aliases: Check = {
  name: "aliases",
  title: "Topic Aliases",
  description: "the server takes aliases, and a topic goes out whole once only",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const { mqtt, wire } = yield* recorded(context)
    const receiver = yield* client()
    const inbox = yield* Broker.subscribed(receiver, name, { qos: 1 })
    for (const text of ["1", "2", "3"]) yield* mqtt.publish(name, text, { qos: 1 })
    yield* mqtt.publish(name, "end", { qos: 1 })
    const messages = yield* until(inbox, "end")
    const whole = wire.recordings[0].of("toServer", "Publish").filter(({ topic }) => topic !== "")
    const texts = counted(messages.map(({ text }) => text))
    return verdict(texts !== "1 2 3" && `comes as ${texts}`, whole.length !== 1 && "takes none")
  })
}

const expiry: Check = {
  name: "expiry",
  title: "message expiry",
  description: "a message queued for longer than its expiry does not come, and the others say how much time is left",
  versions: ["5.0"],
  run: Effect.fnUntraced(function*({ client, name }) {
    const session = { clientId: name, session: "persistent" } as const
    yield* Effect.scoped(Effect.flatMap(client(session), (mqtt) => Effect.asVoid(mqtt.subscribe(name, { qos: 1 }))))
    const publisher = yield* client()
    for (const [text, messageExpiryInterval] of [["short", 1], ["long", 60]] as const) {
      yield* publisher.publish(name, text, { qos: 1, properties: { messageExpiryInterval } })
    }
    yield* Effect.sleep("2500 millis")
    const mqtt = yield* client(session)
    const inbox = yield* Broker.subscribed(mqtt, name, { qos: 1 })
    yield* publisher.publish(name, "end", { qos: 1 })
    const messages = yield* until(inbox, "end")
    const texts = counted(messages.map(({ text }) => text))
    const left = messages.find(({ text }) => text === "long")?.packet.properties.messageExpiryInterval
    return verdict(texts !== "long" && `comes as ${texts}`, (left ?? 60) >= 60 && `says ${left} s`)
  })
}

const burstTexts = Array.from({ length: 200 }, (_, index) => `${index}`)

/** Whether they all come when nobody waits for one before the next. */
const burstOf = Effect.fnUntraced(
  function*({ client }: Context, name: string, options?: MqttClient.Options) {
    const [publisher, receiver] = [yield* client(options), yield* client()]
    const inbox = yield* Broker.subscribed(receiver, name, { qos: 2 })
    yield* Effect.forEach(burstTexts, (text) => publisher.publish(name, text, { qos: 2 }), {
      concurrency: "unbounded",
      discard: true
    })
    yield* publisher.publish(name, "end", { qos: 2 })
    const seen = counted((yield* until(inbox, "end")).map(({ text }) => text))
    return verdict(seen !== burstTexts.join(" ") && "loses some")
  },
  Effect.scoped
)

const burst: Check = {
  name: "burst",
  title: "QoS 2 at once",
  description: "two hundred messages at QoS 2 that are published at once come once each, in order",
  subjects: withQos2,
  run: Effect.fnUntraced(function*(context) {
    const seen = yield* burstOf(context, context.name)
    if (seen === yes) return seen
    return verdict(
      seen,
      `with maxInFlight 20: ${yield* burstOf(context, `${context.name}narrow`, { maxInFlight: 20 })}`
    )
  })
}

export const messages: ReadonlyArray<Check> = [
  ...([0, 1, 2] as const).map(qualityOf),
  burst,
  retained,
  sizes,
  topics,
  properties,
  expiry,
  aliases
]
