/**
 * `effect-mqtt sub`: prints the messages of topics.
 *
 * `format.ts` prints a message.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { MqttClient, SubscribeOptions } from "../MqttClient.ts"
import type { MqttMessage } from "../MqttMessage.ts"
import * as Topic from "../protocol/Topic.ts"
import * as Connecting from "./connecting.ts"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Printing from "./printing.ts"
import * as Recorder from "./recorder.ts"
import * as Session from "./session.ts"

const retainHandling = [["0", 0], ["1", 1], ["2", 2]] as const

const flags = {
  ...Flags.connection,
  topics: Flags.repeated(Flags.text("topic", "t", "a Topic Filter; may be repeated")),
  filterOut: Flags.repeated(
    Flags.text("filter-out", "T", "do not print messages that match this Topic Filter; may be repeated")
  ),
  qos: Flags.qos("qos", "q", "the highest QoS of received messages; default 0").pipe(Flags.or(0)),
  count: Flags.optional(Flags.whole("count", "C", "end after so many messages", { minimum: 1 })),
  timeout: Flags.optional(Flags.seconds("timeout", "W", "end after so many seconds, with exit code 27")),
  exitAfterSubscribe: Flags.toggle("exit-after-subscribe", "E", "end when the server has granted the subscriptions"),
  withoutRetained: Flags.toggle("no-retained", "R", "do not print retained messages"),
  retainedOnly: Flags.toggle("retained-only", undefined, "end at the first message that is not retained"),
  removeRetained: Flags.toggle("remove-retained", undefined, "delete each retained message from the server"),
  randomFilter: Flags.optional(Flags.seconds("random-filter", undefined, "print this percentage of the messages")),
  noLocal: Flags.toggle("no-local", undefined, "5.0: do not receive this client's own messages"),
  retainAsPublished: Flags.toggle("retain-as-published", undefined, "5.0: keep the retain flag as the sender set it"),
  retainHandling: Flags.optional(
    Flags.choice(
      "retain-handling",
      retainHandling,
      "5.0: retained messages: 0 send them, 1 send them to a new subscription, 2 send none"
    )
  ),
  record: Flags.optional(
    Flags.text("record", undefined, "write the messages to this file for replay, and print none; - is standard output")
  ),
  ...Printing.flags
}

type Input = Command.Command.Config.Infer<typeof flags>

const optionsOf = (
  { noLocal, qos, retainAsPublished, retainHandling }: Input,
  { properties: { subscribe } }: Connecting.Connecting
): SubscribeOptions => ({ qos, noLocal, retainAsPublished, retainHandling, userProperties: subscribe.userProperties })

/**
 * Sets no Receive Maximum unless the user gives one: mosquitto 2.0 sends more of its queued messages than the Receive
 * Maximum allows, which ends the connection. If printing is slow, the subscription's buffer bounds the messages.
 */
const withoutWindow = (connecting: Connecting.Connecting): Connecting.Connecting => ({
  ...connecting,
  client: { receiveMaximum: 65_535, ...connecting.client }
})

const isWanted = ({ filterOut, withoutRetained }: Input) => ({ retain, topic }: MqttMessage): boolean =>
  !(retain && withoutRetained) && !filterOut.some((filter) => Topic.matches(filter, topic))

/** The messages to print, in the order of `mosquitto_sub`'s rules. */
const select = (
  input: Input,
  mqtt: MqttClient["Service"]
) =>
<E, R>(messages: Stream.Stream<MqttMessage, E, R>) => {
  const { count, randomFilter, removeRetained, retainedOnly } = input
  const remove = ({ retain, topic }: MqttMessage) =>
    retain ? Effect.asVoid(mqtt.publish(topic, "", { retain: true, qos: 1 })) : Effect.void
  return messages.pipe(
    retainedOnly ? Stream.takeWhile(({ retain }) => retain) : (self) => self,
    Stream.filter(isWanted(input)),
    removeRetained ? Stream.tap(remove) : (self) => self,
    randomFilter === undefined
      ? (self) => self
      : Stream.filterEffect(() => Effect.map(Random.next, (chance) => chance * 100 < randomFilter)),
    count === undefined ? (self) => self : Stream.take(count)
  )
}

/** The output for the messages: printed, or recorded. */
const outputOf = Effect.fnUntraced(function*(input: Input) {
  const { record } = input
  if (record === undefined) {
    const format = yield* Printing.chosen(input)
    return <E, R>(messages: Stream.Stream<MqttMessage, E, R>) =>
      messages.pipe(
        Stream.mapEffect((message) => Effect.map(Clock.currentTimeMillis, (now) => format(message, now))),
        Output.writeAll
      )
  }
  const { format, hex, json, pretty, verbose, withoutNewline } = input
  if (format !== undefined || hex || json || pretty || verbose || withoutNewline) {
    return yield* new Usage({
      description: "--record has a format of its own: leave out -F, --json, --hex, -v and the like"
    })
  }
  return Recorder.record(record)
})

const subscribe = Effect.fnUntraced(function*(input: Input) {
  if (input.retainedOnly && input.withoutRetained) {
    return yield* new Usage({ description: "--retained-only and -R together leave no messages; give one of them" })
  }
  const output = yield* outputOf(input)
  const connecting = yield* Connecting.resolve(input)
  const filters = yield* Connecting.topics(input.topics, connecting)
  return yield* Session.run(withoutWindow(connecting), (mqtt) =>
    Effect.gen(function*() {
      const messages = yield* mqtt.subscribe(filters, optionsOf(input, connecting))
      if (input.exitAfterSubscribe) return
      yield* messages.pipe(select(input, mqtt), output)
    }).pipe(Effect.scoped, Session.within(input.timeout))).pipe(Output.quietly)
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("sub", flags, subscribe).pipe(
  Command.withExamples([
    { command: "effect-mqtt sub -t 'site/#' -v", description: "Everything below site, with topics" },
    {
      command: "effect-mqtt sub -t job -q 1 -C 1 -W 10 || echo none",
      description: "One message, or none in ten seconds"
    },
    { command: "effect-mqtt sub -t 'site/#' --json | jq .payload", description: "For other programs" },
    { command: "effect-mqtt sub -t 'site/#' --record incident.jsonl", description: "For effect-mqtt replay" }
  ])
)
