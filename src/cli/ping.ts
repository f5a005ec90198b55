/**
 * `effect-mqtt ping`: measures round trips to the broker, as ping(8) does to a host.
 *
 * It uses a bare connection, where `ping` alone sends PINGREQ.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as MqttConnection from "../MqttConnection.ts"
import type * as MqttError from "../MqttError.ts"
import * as NodeMqtt from "../node/NodeMqtt.ts"
import * as Connecting from "./connecting.ts"
import { Unsuccessful } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Telling from "./telling.ts"

const flags = {
  ...Flags.connection,
  count: Flags.optional(Flags.whole("count", "C", "end after so many pings", { minimum: 1 })),
  interval: Flags.seconds("interval", undefined, "seconds between pings; default 1").pipe(Flags.or(1)),
  timeout: Flags.seconds("timeout", "W", "seconds to wait for an answer; default 10").pipe(Flags.or(10)),
  json: Flags.toggle("json", undefined, "a line of JSON for each ping")
}

type Input = Command.Command.Config.Infer<typeof flags>

/** If a server speaks only 3.1.1, `auto` asks it again. */
const open = ({ client, transport }: Connecting.Connecting) => {
  const { clientId, connectTimeout, keepAlive, password, protocolVersion, username } = client
  const connect = (version: "5.0" | "3.1.1") =>
    MqttConnection.make({ protocolVersion: version, clientId, connectTimeout, keepAlive, password, username })
  const opened = protocolVersion === "auto" || protocolVersion === undefined
    ? Effect.catchReason(connect("5.0"), "MqttError", "UnsupportedProtocolVersion", () => connect("3.1.1"))
    : connect(protocolVersion)
  return Effect.provide(opened, NodeMqtt.layerTransport(transport))
}

const milliseconds = (nanoseconds: bigint): number => Number(nanoseconds) / 1e6

const rounded = (value: number): string => value.toFixed(3)

/** A summary in the form of ping(8). */
const summary = (server: string, sent: number, times: ReadonlyArray<number>): string => {
  const lost = sent === 0 ? 0 : Math.round((1 - times.length / sent) * 100)
  const counts = `--- ${server} ---\n${sent} sent, ${times.length} answered, ${lost}% lost`
  if (times.length === 0) return counts
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length
  const deviation = Math.sqrt(times.reduce((sum, time) => sum + (time - mean) ** 2, 0) / times.length)
  const numbers = [Math.min(...times), mean, Math.max(...times), deviation].map(rounded)
  return `${counts}\nround trip min/mean/max/deviation ${numbers.join("/")} ms`
}

/** `undefined` when none comes in time. */
const roundTrip = (
  connection: MqttConnection.MqttConnection,
  seconds: number
): Effect.Effect<number | undefined, MqttError.MqttError> =>
  Effect.gen(function*() {
    const started = yield* Clock.currentTimeNanos
    const answered = yield* Effect.timeoutOption(connection.ping, seconds * 1000)
    return Option.isSome(answered) ? milliseconds((yield* Clock.currentTimeNanos) - started) : undefined
  })

const lineOf = (json: boolean, server: string, sequence: number, time: number | undefined): string => {
  if (json) return JSON.stringify({ server, sequence, milliseconds: time ?? null })
  return time === undefined ? `no answer to ${sequence}` : `from ${server}: seq=${sequence} time=${rounded(time)} ms`
}

const ping = Effect.fnUntraced(function*(input: Input) {
  const { count = Number.POSITIVE_INFINITY, interval, json, timeout } = input
  const connecting = yield* Connecting.resolve(input)
  const { server } = connecting
  const times: Array<number> = []
  let sent = 0
  const sumUp = Effect.suspend(() => json ? Effect.void : Output.line(summary(server, sent, times)))
  yield* Effect.gen(function*() {
    const connection = yield* open(connecting)
    // Nothing else comes, but PINGRESP is read only while something pulls.
    yield* Effect.forkScoped(Effect.forever(connection.pull))
    while (sent < count) {
      if (sent > 0) yield* Effect.sleep(interval * 1000)
      sent++
      const time = yield* roundTrip(connection, timeout)
      if (time !== undefined) times.push(time)
      yield* Output.line(lineOf(json, server, sent, time))
    }
  }).pipe(
    Effect.scoped,
    // Also after an interruption: a ping without a count always ends with one.
    Effect.onExit((exit) => sent === 0 && Exit.isFailure(exit) ? Effect.void : Effect.ignore(sumUp)),
    Output.quietly,
    Telling.told(connecting)
  )
  if (times.length === 0) return yield* new Unsuccessful({ description: `${server} does not answer` })
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("ping", flags, ping).pipe(
  Command.withExamples([{ command: "effect-mqtt ping -h broker -C 3", description: "Three times" }])
)
