/**
 * `effect-mqtt outbox`: the waiting messages in a store, for each client identifier.
 *
 * @since 0.2.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { optional } from "../internal/config.ts"
import { harmless } from "../internal/harmlessText.ts"
import { pathProblem } from "../internal/misplacedSecret.ts"
import type { MqttError } from "../MqttError.ts"
import * as NodeMqttStore from "../node/NodeMqttStore.ts"
import { MessagesWait, Usage } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Waiting from "./waiting.ts"

const flags = {
  store: Flags.optional(Flags.text("store", undefined, "the directory of the store; default MQTT_STORE_PATH")),
  id: Flags.optional(Flags.text("id", "i", "only the messages of this client identifier")),
  json: Flags.toggle("json", undefined, "a line of JSON for each client identifier"),
  quiet: Flags.toggle("quiet", undefined, "no error messages")
}

type Input = Command.Command.Config.Infer<typeof flags>

const directoryOf = Effect.fnUntraced(function*({ store }: Input) {
  const path = store ?? (yield* optional(Config.String("MQTT_STORE_PATH")))
  if (path === undefined || path === "") return yield* new Usage({ description: "Give the store with --store" })
  const problem = pathProblem(path)
  if (problem !== undefined) {
    return yield* new Usage({ description: `The path in --store or MQTT_STORE_PATH ${problem}` })
  }
  return path
})

/** One client identifier, and its waiting messages, or why they cannot be read. */
interface Entry {
  readonly clientId: string
  readonly waiting: Result.Result<Waiting.Waiting, MqttError>
}

const inSeconds = (oldest: number, now: number): number => Math.max(0, Math.floor((now - oldest) / 1000))

const toJson = ({ clientId, waiting }: Entry, now: number): string => {
  if (Result.isFailure(waiting)) return JSON.stringify({ clientId, error: waiting.failure.message })
  const { bytes, messages, oldest } = waiting.success
  return JSON.stringify({
    clientId,
    messages,
    bytes,
    oldest: oldest === undefined ? null : new Date(oldest).toISOString(),
    age: oldest === undefined ? null : inSeconds(oldest, now)
  })
}

const toText = ({ clientId, waiting }: Entry, now: number): string => {
  const name = harmless(clientId)
  if (Result.isFailure(waiting)) return `${name}: ${waiting.failure.message}`
  const { bytes, messages, oldest } = waiting.success
  if (messages === 0) return `${name}: nothing waits`
  const seconds = oldest === undefined ? 0 : inSeconds(oldest, now)
  const age = seconds === 0 ? "less than 1s" : Duration.format(Duration.seconds(seconds))
  return `${name}: ${Waiting.count(messages)}, ${bytes.toLocaleString("en")} bytes, the oldest for ${age}`
}

const outbox = Effect.fnUntraced(function*(input: Input) {
  const path = yield* directoryOf(input)
  const clientIds = input.id === undefined ? yield* NodeMqttStore.clientIds(path) : [input.id]
  const entries = yield* Effect.forEach(
    clientIds,
    (clientId) => Effect.map(Effect.result(Waiting.of(path, clientId)), (waiting): Entry => ({ clientId, waiting }))
  )
  const now = yield* Clock.currentTimeMillis
  const toLine = input.json ? toJson : toText
  for (const entry of entries) yield* Output.quietly(Output.line(toLine(entry, now)))
  const all = yield* Effect.fromResult(Result.all(entries.map(({ waiting }) => waiting)))
  // The printed lines say it already.
  if (all.some(({ messages }) => messages > 0)) return yield* new MessagesWait({ description: "" })
})

/**
 * @since 0.2.0
 * @category commands
 */
export const command = Command.make("outbox", flags, outbox).pipe(
  Command.withExamples([
    { command: "effect-mqtt outbox --store /var/lib/gateway", description: "How many messages wait, and since when" }
  ])
)
