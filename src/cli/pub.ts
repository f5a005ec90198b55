/**
 * `effect-mqtt pub`: publishes one message, one several times, or each line of standard input.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import type { Stdio } from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import type { OutgoingMessage } from "../MqttClient.ts"
import * as Connecting from "./connecting.ts"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Payload from "./payload.ts"
import * as Progress from "./progress.ts"
import * as Session from "./session.ts"
import * as Storing from "./storing.ts"

const flags = {
  ...Flags.connection,
  topic: Flags.optional(Flags.text("topic", "t", "the topic, if it is not in -L")),
  ...Payload.flags,
  ...Storing.flags,
  lines: Flags.toggle("stdin-line", "l", "publish each line of standard input, or of the file -f, as a message"),
  qos: Flags.qos("qos", "q", "QoS; default 0").pipe(Flags.or(0)),
  retain: Flags.toggle("retain", "r", "the server keeps the message for later subscribers"),
  maxInFlight: Connecting.maxInFlight,
  repeat: Flags.whole("repeat", undefined, "publish so many times; default 1", { minimum: 1 }).pipe(Flags.or(1)),
  repeatDelay: Flags.seconds("repeat-delay", undefined, "seconds between these times; default 0").pipe(Flags.or(0))
}

type Input = Command.Command.Config.Infer<typeof flags>

/** The size of the input, if it is a file. */
const sizeOf = (file: string | undefined): number | undefined => {
  try {
    const stat = file === undefined ? Fs.fstatSync(standardInput) : Fs.statSync(file)
    return stat.isFile() ? stat.size : undefined
  } catch {
    return undefined
  }
}

const standardInput = 0

type Outgoing = Omit<OutgoingMessage, "payload">

const lines = ({ file }: Input, outgoing: Outgoing) => {
  const total = sizeOf(file)
  const progress: Progress.Progress = { done: 0, total, unit: total === undefined ? "messages" : "bytes" }
  const bytes: Stream.Stream<Uint8Array, Usage | PlatformError, Stdio> = file === undefined
    ? Payload.standardInput
    : Payload.file(file)
  const messages = Stream.map(Payload.lines(bytes), (payload): OutgoingMessage => {
    progress.done += total === undefined ? 1 : payload.length + 1
    return { ...outgoing, payload }
  })
  return { messages, progress }
}

const repeated = ({ repeat, repeatDelay }: Input, message: OutgoingMessage): Stream.Stream<OutgoingMessage> => {
  const times = Stream.range(1, repeat)
  return repeatDelay === 0
    ? Stream.map(times, () => message)
    : Stream.mapEffect(times, (time) => Effect.delay(Effect.succeed(message), time === 1 ? 0 : repeatDelay * 1000))
}

const publish = Effect.fnUntraced(function*(input: Input) {
  const { empty, message, qos, retain, stdin } = input
  if (input.lines && (message !== undefined || empty || stdin)) {
    return yield* new Usage({ description: "-l takes no other payload flag than -f" })
  }
  const connecting = yield* Connecting.resolve(input)
  const [topic] = yield* Connecting.topics(input.topic, connecting)
  const send = yield* sending(connecting, input)
  const outgoing = { topic, qos, retain, properties: connecting.properties.publish }
  if (input.lines) {
    const { messages, progress } = lines(input, outgoing)
    return yield* send(messages).pipe(Progress.shown(progress))
  }
  const payload = yield* Payload.whole(input)
  return yield* send(repeated(input, { ...outgoing, payload }))
})

/** Publishes with a store or without. */
const sending = Effect.fnUntraced(function*(connecting: Connecting.Connecting, input: Input) {
  const { store, sync } = input
  if (store === undefined && sync !== undefined) return yield* new Usage({ description: "--sync needs --store" })
  const kept = store === undefined ? undefined : yield* Storing.withStore(connecting, { ...input, store })
  return <E, R>(messages: Stream.Stream<OutgoingMessage, E, R>) =>
    kept === undefined
      ? Session.run(connecting, (mqtt) => Effect.asVoid(Stream.run(messages, mqtt.publishSink)))
      : Storing.publish(kept, messages)
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("pub", flags, publish).pipe(
  Command.withExamples([
    { command: "effect-mqtt pub -t site/1/temperature -m 21.5 -q 1", description: "One message, acknowledged" },
    { command: "tail -f log | effect-mqtt pub -L mqtt://localhost/log -l", description: "Each line as a message" },
    {
      command: "tail -f log | effect-mqtt pub -L mqtt://localhost/log -l -q 1 -i log --store /var/lib/log",
      description: "The same, but lines wait in a store while the broker is away"
    }
  ])
)
