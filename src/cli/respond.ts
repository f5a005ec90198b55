/**
 * `effect-mqtt respond`: answers requests, with a fixed payload, the request itself, or the output of a program. 5.0
 * only.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { MqttRejected } from "../MqttError.ts"
import type { MqttMessage, Payload as Bytes } from "../MqttMessage.ts"
import * as Connecting from "./connecting.ts"
import { Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Payload from "./payload.ts"
import * as Session from "./session.ts"

const flags = {
  ...Flags.connection,
  topic: Flags.optional(Flags.text("topic", "t", "the topic of the requests, if it is not in -L")),
  ...Payload.flags,
  echo: Flags.toggle("echo", undefined, "answer with the request itself"),
  exec: Flags.optional(
    Flags.text("exec", undefined, "answer with the output of this shell command, which reads the request")
  ),
  qos: Flags.qos("qos", "q", "the highest QoS of requests; default 2").pipe(Flags.or(2)),
  count: Flags.optional(Flags.whole("count", "C", "end after so many requests", { minimum: 1 })),
  timeout: Flags.optional(Flags.seconds("timeout", "W", "end after so many seconds, with exit code 27"))
}

type Input = Command.Command.Config.Infer<typeof flags>

/** The command could not be run, or ended with another code than 0. */
class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", { description: Schema.String }) {
  override get message(): string {
    return this.description
  }
}

/** Without our own variables: the password, a URL with one, the passphrase of a key, headers. */
const inheritable = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => !name.toUpperCase().startsWith("MQTT_")))

/** The output of a shell command that reads the request. The command ends with the request's handling. */
const printedBy = (command: string, { payload, topic }: MqttMessage): Effect.Effect<Uint8Array, CommandFailed> =>
  Effect.callback<Uint8Array, CommandFailed>((resume) => {
    const child = spawn(command, {
      shell: true,
      stdio: ["pipe", "pipe", "inherit"],
      env: { ...inheritable(process.env), MQTT_TOPIC: topic }
    })
    const printed: Array<Buffer> = []
    const fail = (description: string) => resume(Effect.fail(new CommandFailed({ description })))
    child.once("error", ({ message }) => fail(message))
    // The command need not read.
    child.stdin.on("error", () => {})
    child.stdin.end(payload)
    child.stdout.on("data", (chunk: Buffer) => printed.push(chunk))
    child.once(
      "close",
      (code) => code === 0 ? resume(Effect.succeed(Buffer.concat(printed))) : fail(`the command ended with ${code}`)
    )
    return Effect.sync(() => void child.kill())
  })

type Answering = (request: MqttMessage) => Effect.Effect<Bytes, CommandFailed>

const answering = Effect.fnUntraced(function*(input: Input) {
  const { echo, empty, exec, file, message, stdin } = input
  const isFixed = empty || stdin || file !== undefined || message !== undefined
  if ([isFixed, echo, exec !== undefined].filter((isGiven) => isGiven).length !== 1) {
    return yield* new Usage({ description: "Give one of -m, -f, -s, -n, --echo, --exec" })
  }
  if (exec !== undefined) return ((request) => printedBy(exec, request)) satisfies Answering as Answering
  if (echo) return (({ payload }) => Effect.succeed(payload)) satisfies Answering as Answering
  const payload = yield* Payload.whole(input)
  return (() => Effect.succeed(payload)) satisfies Answering as Answering
})

const respond = Effect.fnUntraced(function*(input: Input) {
  const answer = yield* answering(input)
  const connecting = yield* Connecting.resolve({ ...input, protocolVersion: "5.0" })
  const [topic] = yield* Connecting.topics(input.topic, connecting)
  const { contentType, payloadFormatIndicator, userProperties } = connecting.properties.publish
  const properties = { contentType, payloadFormatIndicator, userProperties }
  let left = input.count ?? Number.POSITIVE_INFINITY
  const enough = yield* Deferred.make<void>()
  yield* Session.run(connecting, (mqtt) => {
    // The answer is published when its handler has returned.
    const end = Effect.yieldNow.pipe(
      Effect.andThen(mqtt.flush),
      Effect.andThen(Deferred.succeed(enough, undefined)),
      Effect.forkScoped
    )
    const handle = (request: MqttMessage) => {
      if (left === 0) return Effect.never
      left--
      return answer(request).pipe(
        Effect.map((payload) => ({ payload, properties })),
        Effect.tapError(({ message }) => Effect.logError(message)),
        Effect.mapError(() => new MqttRejected({ reasonCode: 0x83 })),
        Effect.ensuring(left === 0 ? end : Effect.void)
      )
    }
    return mqtt.respond(topic, handle, { qos: input.qos }).pipe(
      Effect.raceFirst(Deferred.await(enough)),
      Effect.scoped,
      Session.within(input.timeout)
    )
  })
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("respond", flags, respond).pipe(
  Command.withExamples([
    {
      command: "effect-mqtt respond -t square --exec 'read n; echo $((n * n))'",
      description: "A shell command answers"
    }
  ])
)
