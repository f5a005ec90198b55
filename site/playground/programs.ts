/**
 * The programs of a scenario, as a user would write them: a station that consumes, a publisher, and a page that only
 * sends what its store has kept. `exported.ts` writes the same programs into a test.
 *
 * A recorder watches them. It changes nothing that they do.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as MqttClient from "../../src/MqttClient.ts"
import type { MqttError } from "../../src/MqttError.ts"
import type { MqttMessage } from "../../src/MqttMessage.ts"
import { ConnectionDecorator, type MqttTransport } from "../../src/MqttTransport.ts"
import type { Recorder } from "./Recorder.ts"
import { poisonous } from "./scenarios.ts"
import type { Setting } from "./Setting.ts"
import type { Program } from "./steps.ts"

export const topic = "readings"
export const deadTopic = "dead/readings"

type Reconnect = Schedule.Schedule<unknown, MqttError>

interface ReconnectChoice {
  readonly schedule: Reconnect
  /** As a test writes it; nothing for the default of the client. */
  readonly code: string | undefined
}

export const schedules: { readonly [name in Setting["reconnect"]]: ReconnectChoice } = {
  "default": { schedule: MqttClient.defaultReconnect, code: undefined },
  "second": { schedule: Schedule.spaced("1 second"), code: `Schedule.spaced("1 second")` },
  "five-seconds": { schedule: Schedule.spaced("5 seconds"), code: `Schedule.spaced("5 seconds")` },
  "doubling": { schedule: Schedule.exponential("1 second"), code: `Schedule.exponential("1 second")` },
  "three-times": {
    schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 })),
    code: `Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 3 }))`
  }
}

const optionsOf = (setting: Setting, clientId: string): MqttClient.Options => ({
  clientId,
  initialConnection: "retry",
  protocolVersion: setting.version,
  session: setting.session,
  reconnect: schedules[setting.reconnect].schedule,
  maxInFlight: setting.window,
  receiveMaximum: setting.receiveMaximum,
  outbox: { messages: setting.outbox, policy: setting.outboxPolicy },
  buffer: { messages: setting.buffer, policy: setting.bufferPolicy }
})

/** Three attempts, the first included, a second apart. */
const attempts = Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))

type Client = MqttClient.MqttClient["Service"]

/** Handles each message, except the poisonous one. */
const handler = (setting: Setting, recorder: Recorder) => (message: MqttMessage): Effect.Effect<void, string> => {
  const isPoisonous = setting.scenario === "poison" && message.text === poisonous
  return Effect.gen(function*() {
    yield* recorder.note({ _tag: "Handling", message: message.text })
    if (setting.handling > 0) yield* Effect.sleep(setting.handling)
    if (isPoisonous) {
      yield* recorder.note({ _tag: "HandlerFailed", message: message.text })
      return yield* Effect.fail("poison")
    }
    yield* recorder.note({ _tag: "Handled", message: message.text })
  })
}

/** At the end of a run a handler is interrupted: on a clock that stands still it could not finish. */
const drainTimeout = 0

const consume = (mqtt: Client, setting: Setting, recorder: Recorder) => {
  const handle = handler(setting, recorder)
  const { poison, qos, scenario } = setting
  if (scenario !== "poison") return mqtt.consume(topic, handle, { qos, drainTimeout })
  if (poison === "deadLetter") {
    const deadLetter = deadTopic
    return mqtt.consume(topic, handle, { qos, drainTimeout, attempts, deadLetter, onFailure: "reject" })
  }
  const consuming = mqtt.consume(topic, handle, { qos, drainTimeout, onFailure: poison })
  return poison === "stop" ? Effect.retry(consuming, Schedule.spaced("1 second")) : consuming
}

/** Publishes message after message, and does not wait for the one before. It ends before its client does. */
const publishAll = Effect.fnUntraced(function*(mqtt: Client, name: string, setting: Setting, recorder: Recorder) {
  const publish = Effect.fnUntraced(function*(message: string) {
    yield* recorder.note({ _tag: "Published", client: name, message })
    const exit = yield* Effect.flatten(mqtt.publishAsync(topic, message, { qos: setting.qos })).pipe(
      Effect.matchEffect({
        onFailure: ({ reason }) => recorder.note({ _tag: "PublishFailed", client: name, message, reason: reason._tag }),
        onSuccess: () => recorder.note({ _tag: "Acknowledged", client: name, message })
      })
    )
    return exit
  })
  for (let number = 1; number <= setting.messages; number++) {
    yield* Effect.forkScoped(publish(`${name} ${number}`))
    yield* Effect.sleep(setting.interval)
  }
  return yield* Effect.never
})

const whatItDoes = (
  mqtt: Client,
  { kind, name }: Program,
  setting: Setting,
  recorder: Recorder
): Effect.Effect<void, MqttError | string, Scope.Scope> => {
  if (kind === "subscriber") return consume(mqtt, setting, recorder)
  return kind === "publisher" ? publishAll(mqtt, name, setting, recorder) : Effect.never
}

/** The program with its client, for as long as it runs. */
export const make = (
  program: Program,
  setting: Setting,
  recorder: Recorder
): Effect.Effect<void, MqttError | string, MqttTransport> => {
  const watched = Effect.gen(function*() {
    const mqtt = yield* MqttClient.MqttClient
    yield* recorder.watch(program.name, mqtt)
    yield* whatItDoes(mqtt, program, setting, recorder)
  })
  const observed = Layer.succeed(ConnectionDecorator)(recorder.decorate(program.name))
  return Effect.scoped(watched).pipe(
    Effect.provide(MqttClient.layer(optionsOf(setting, program.clientId)).pipe(Layer.provide(observed)))
  )
}
