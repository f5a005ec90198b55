import { Context, Effect, Layer } from "effect"
import { MqttClient } from "effect-mqtt"
import { Command, Report } from "./messages.ts"

/** The machines of the hall. */
export class Machines extends Context.Service<Machines, {
  readonly setTemperature: (machine: string, celsius: number) => Effect.Effect<void>
}>()("gateway/Machines") {
  /** Put the protocol of your machines here. These machines take 20 milliseconds for everything. */
  static readonly layer = Layer.succeed(Machines)({
    setTemperature: (machine, celsius) => Effect.delay(Effect.logDebug(machine, celsius), "20 millis")
  })
}

/** Carries out each command and reports it. A command is acknowledged after its report was. */
export const commands = Effect.gen(function*() {
  const machines = yield* Machines
  yield* Command.consume(
    Effect.fnUntraced(function*({ parameters, payload }) {
      yield* machines.setTemperature(parameters.machine, payload.celsius)
      yield* Report.publish(parameters, payload, { qos: 1 })
    }),
    { concurrency: 10, key: ({ topic }) => topic }
  )
})

/** The last step of a service: waits up to five seconds until everything it has published is acknowledged. */
export const deliver = Effect.flatMap(
  MqttClient.MqttClient,
  (mqtt) => mqtt.flush.pipe(Effect.timeout("5 seconds"), Effect.ignore)
)
