/**
 * The state that a broker keeps for a client that is away, and the messages that come again after a lost connection.
 */
import { Effect, Fiber, Schedule } from "effect"
import type { MqttClient } from "../../../src/index.ts"
import * as Broker from "../../brokers/Broker.ts"
import {
  type Check,
  type Context,
  counted,
  failureOf,
  inTime,
  next,
  recorded,
  until,
  verdict,
  withQos2
} from "../Check.ts"

const persistent = (clientId: string): MqttClient.Options => ({ clientId, session: "persistent" })

const resume: Check = {
  name: "resume",
  title: "session, queued messages",
  description:
    "messages published meanwhile come to a program that is started again, in order; a clean start forgets them",
  run: Effect.fnUntraced(function*({ client, name }) {
    yield* Effect.scoped(
      Effect.flatMap(client(persistent(name)), (mqtt) => Effect.asVoid(mqtt.subscribe(name, { qos: 1 })))
    )
    const publisher = yield* client()
    for (const text of ["1", "2", "3"]) yield* publisher.publish(name, text, { qos: 1 })
    const resumed = yield* Effect.scoped(Effect.gen(function*() {
      const mqtt = yield* client(persistent(name))
      const { sessionPresent } = yield* Broker.connected(mqtt)
      const inbox = yield* Broker.subscribed(mqtt, name, { qos: 1 })
      yield* publisher.publish(name, "end", { qos: 1 })
      return { sessionPresent, texts: counted((yield* until(inbox, "end")).map(({ text }) => text)) }
    }))
    yield* Effect.scoped(client({ clientId: name }))
    const forgotten = yield* Effect.scoped(Effect.flatMap(client(persistent(name)), Broker.connected))
    return verdict(
      !resumed.sessionPresent && "Session Present 0",
      resumed.texts !== "1 2 3" && `comes as ${resumed.texts}`,
      forgotten.sessionPresent && "a clean start leaves it"
    )
  })
}

/** Publishes with the connection lost at each step; what a receiver has seen at the end. */
const interrupted = (
  context: Context,
  qos: 1 | 2,
  steps: ReadonlyArray<"Publish" | "Puback" | "Pubrec" | "Pubrel" | "Pubcomp">
) =>
  Effect.gen(function*() {
    const { client, name } = context
    const receiver = yield* client()
    const inbox = yield* Broker.subscribed(receiver, name, { qos })
    const remarks: Array<string> = []
    for (const step of steps) {
      const failure = yield* Effect.scoped(Effect.gen(function*() {
        const { mqtt, wire } = yield* recorded(context, persistent(`${name}${step}`))
        // Some keep no session in which nothing is subscribed to.
        yield* Effect.asVoid(mqtt.subscribe(`${name}/own`))
        yield* wire.loseFrom(step)
        const publishing = yield* Effect.forkChild(mqtt.publish(name, step, { qos }))
        yield* wire.until(([{ packets }]) => packets.some(({ _tag }) => _tag === step)).pipe(
          // Not every server takes all steps.
          Effect.raceFirst(Fiber.await(publishing)),
          inTime
        )
        yield* wire.cut
        return yield* failureOf(Fiber.join(publishing))
      }))
      if (failure !== undefined) remarks.push(`publishing fails with ${failure}`)
    }
    yield* receiver.publish(name, "end", { qos: 1 })
    return { remarks, texts: (yield* until(inbox, "end")).map(({ text }) => text) }
  })

const unfinished: Check = {
  name: "unfinished",
  title: "QoS 1 sent again",
  description: "a publish whose PUBLISH or PUBACK was lost with the connection completes, and the message comes",
  run: Effect.fnUntraced(function*(context) {
    const steps = ["Publish", "Puback"] as const
    const { remarks, texts } = yield* interrupted(context, 1, steps)
    return verdict(...new Set(remarks), ...steps.map((step) => !texts.includes(step) && `${step}: lost`))
  })
}

const exactlyOnceOut: Check = {
  name: "onceOut",
  title: "QoS 2 sent again",
  description: "a publish at QoS 2 that lost its connection at any step completes, and the message comes once",
  run: Effect.fnUntraced(function*(context) {
    const steps = ["Publish", "Pubrec", "Pubrel", "Pubcomp"] as const
    const { remarks, texts } = yield* interrupted(context, 2, steps)
    const seen = counted(texts)
    return verdict(...new Set(remarks), seen !== "" && seen !== steps.join(" ") && `comes as ${seen}`)
  })
}

const exactlyOnceIn: Check = {
  name: "onceIn",
  title: "QoS 2 received again",
  description: "a message of QoS 2 whose delivery lost its connection at any step comes once",
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const publisher = yield* client()
    const remarks: Array<string> = []
    for (const step of ["Publish", "Pubrec", "Pubrel", "Pubcomp"] as const) {
      const topic = `${name}/${step}`
      yield* Effect.scoped(Effect.gen(function*() {
        const { mqtt, wire } = yield* recorded(context, persistent(`${name}${step}`))
        const subscription = yield* mqtt.subscribe(topic, { qos: 2 })
        const [granted] = subscription.granted
        if (granted !== 2) return void remarks.push(`grants ${granted}`)
        const inbox = yield* Broker.inbox(subscription)
        yield* wire.loseFrom(step)
        const failure = yield* failureOf(publisher.publish(topic, "message", { qos: 2 }))
        if (failure !== undefined) return void remarks.push(failure)
        yield* inTime(wire.until(([{ packets }]) => packets.some(({ _tag }) => _tag === step)))
        yield* wire.cut
        yield* inTime(wire.until((recordings) => recordings.length > 1))
        yield* publisher.publish(topic, "end", { qos: 2 })
        const texts = counted((yield* until(inbox, "end")).map(({ text }) => text))
        if (texts !== "message") remarks.push(`${step}: comes as ${texts === "" ? "nothing" : texts}`)
      }))
    }
    return verdict(...new Set(remarks))
  })
}

const restarted: Check = {
  name: "restarted",
  title: "QoS 2 after a crash",
  description:
    "a program dies between its PUBLISH of QoS 2 and PUBREC; messages that the next program publishes at QoS 2 in " +
    "the same session, from the first identifier on, come once each",
  subjects: withQos2,
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const session = { ...persistent(name), reconnect: Schedule.spaced("1 hour") }
    const topic = `${name}/log`
    const inbox = yield* Broker.subscribed(yield* client(), topic, { qos: 2 })
    yield* Effect.scoped(Effect.gen(function*() {
      const { mqtt, wire } = yield* recorded(context, session)
      // Some keep no session in which nothing is subscribed to.
      yield* Effect.asVoid(mqtt.subscribe(`${name}/own`))
      yield* wire.loseFrom("Pubrec")
      yield* Effect.forkScoped(Effect.ignore(mqtt.publish(topic, "died", { qos: 2 })))
      yield* inTime(wire.until(([{ packets }]) => packets.some(({ _tag }) => _tag === "Pubrec")))
      yield* wire.cut
    }))
    const mqtt = yield* client(session)
    const texts = ["1", "2", "3"]
    for (const text of [...texts, "end"]) yield* mqtt.publish(topic, text, { qos: 2 })
    const seen = (yield* until(inbox, "end")).map(({ text }) => text)
    const seenOfNext = counted(seen.filter((text) => text !== "died"))
    return verdict(
      seenOfNext !== texts.join(" ") && `comes as ${seenOfNext}`,
      seen.filter((text) => text === "died").length > 1 && "what the first published comes twice"
    )
  })
}

const will: Check = {
  name: "will",
  title: "Will",
  description: "is published when the connection is aborted, and not after a disconnect",
  run: Effect.fnUntraced(function*(context) {
    const { client, name } = context
    const receiver = yield* client()
    const inbox = yield* Broker.subscribed(receiver, name, { qos: 1 })
    const willOf = (payload: string): MqttClient.Options => ({ will: { topic: name, payload, qos: 1 } })
    yield* Effect.scoped(client(willOf("left")))
    yield* Effect.scoped(Effect.gen(function*() {
      const { wire } = yield* recorded(context, willOf("aborted"))
      yield* wire.cut
      yield* inTime(wire.until((recordings) => recordings[1]?.of("toClient", "Connack").length === 1))
    }))
    const seen = yield* next(inbox)
    yield* receiver.publish(name, "end", { qos: 1 })
    const texts = counted([seen?.text ?? "nothing", ...(yield* until(inbox, "end")).map(({ text }) => text)])
    return verdict(texts !== "aborted" && `comes as ${texts}`)
  })
}

export const sessions: ReadonlyArray<Check> = [resume, unfinished, exactlyOnceOut, exactlyOnceIn, restarted, will]
