/**
 * `effect-mqtt request`: publishes a request and prints its answer. 5.0 only.
 *
 * @since 0.1.0
 */
import * as Command from "effect/cli/Command"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Connecting from "./connecting.ts"
import { TimedOut } from "./exitCode.ts"
import * as Flags from "./flags.ts"
import * as Output from "./output.ts"
import * as Payload from "./payload.ts"
import * as Printing from "./printing.ts"
import * as Session from "./session.ts"

const flags = {
  ...Flags.connection,
  topic: Flags.optional(Flags.text("topic", "t", "the topic of the requests, if it is not in -L")),
  ...Payload.flags,
  ...Printing.flags,
  responseTopic: Flags.optional(
    Flags.text("response-topic", "e", "topic for the answer; default a topic of this client")
  ),
  qos: Flags.qos("qos", "q", "QoS of the request and its answer; default 1").pipe(Flags.or(1)),
  timeout: Flags.seconds("timeout", "W", "seconds to wait for the answer, before exit code 27; default 10").pipe(
    Flags.or(10)
  )
}

const request = Effect.fnUntraced(function*(input: Command.Command.Config.Infer<typeof flags>) {
  const { qos, responseTopic, timeout } = input
  const format = yield* Printing.chosen(input)
  const connecting = yield* Connecting.resolve({ ...input, protocolVersion: "5.0" })
  const [topic] = yield* Connecting.topics(input.topic, connecting)
  const payload = yield* Payload.whole(input)
  const { correlationData: _, responseTopic: named, ...properties } = connecting.properties.publish
  const withTopic = { ...connecting, client: { ...connecting.client, responseTopic: responseTopic ?? named } }
  yield* Session.run(withTopic, (mqtt) =>
    Effect.gen(function*() {
      const answer = yield* mqtt.request(topic, payload, { qos, timeout: timeout * 1000, properties })
      const now = yield* Clock.currentTimeMillis
      yield* Output.writeAll(Stream.succeed(format(answer, now)))
    })).pipe(
      Effect.catchReason("MqttError", "RequestTimeout", () => Effect.fail(new TimedOut())),
      Output.quietly
    )
})

/**
 * @since 0.1.0
 * @category commands
 */
export const command = Command.make("request", flags, request).pipe(
  Command.withExamples([{
    command: "effect-mqtt request -t square -m 12",
    description: "Sends a request to the responder on square"
  }])
)
