/**
 * The hall around the gateway: machines that hand in readings, a plant that gives commands, and a record of each reading
 * and command, by its number.
 */
import { Context, Effect, Layer, Schedule, Schema, type Scope, Stream } from "effect"
import { MqttClient, type MqttError } from "../../src/index.ts"
import { NodeMqtt } from "../../src/node/index.ts"

const machines = 20

const Numbered = Schema.fromJsonString(Schema.Struct({ number: Schema.Int, celsius: Schema.Finite }))

/** How often each number was seen. */
class Tally {
  readonly seen = new Map<number, number>()

  add(number: number): void {
    this.seen.set(number, (this.seen.get(number) ?? 0) + 1)
  }
}

/** The messages of one part of the trial. */
export interface Part {
  /** Readings that the gateway has accepted. */
  readonly accepted: Set<number>
  /** Commands that the broker has taken. */
  readonly given: Set<number>
}

export interface Judgement {
  readonly accepted: number
  readonly given: number
  readonly lost: ReadonlyArray<string>
  readonly repeated: ReadonlyArray<string>
}

export class Hall {
  readonly #readings = new Tally()
  readonly #reports = new Tally()
  readonly #plant: MqttClient.MqttClient["Service"]
  readonly #gatewayUrl: string
  #number = 0

  constructor(plant: MqttClient.MqttClient["Service"], gatewayUrl: string) {
    this.#plant = plant
    this.#gatewayUrl = gatewayUrl
  }

  /** Records the messages of the gateway, for as long as the scope. */
  watch(): Effect.Effect<void, MqttError.MqttError, Scope.Scope> {
    return Effect.gen({ self: this }, function*() {
      for (const [filter, tally] of [["hall/+/reading", this.#readings], ["hall/+/done", this.#reports]] as const) {
        const messages = yield* this.#plant.subscribe(filter, { qos: 1 })
        yield* messages.pipe(
          Stream.mapEffect(({ text }) => Schema.decodeEffect(Numbered)(text)),
          Stream.runForEach(({ number }) => Effect.sync(() => tally.add(number))),
          Effect.orDie,
          Effect.forkScoped
        )
      }
    })
  }

  #next(): { readonly number: number; readonly machine: string; readonly text: string } {
    const number = ++this.#number
    return { number, machine: `machine-${number % machines}`, text: JSON.stringify({ number, celsius: 60 }) }
  }

  /** Gives commands, all at once. Completes when the broker has them. */
  give(part: Part, count: number): Effect.Effect<void, MqttError.MqttError> {
    return Effect.gen({ self: this }, function*() {
      const given = yield* Effect.forEach(Array.from({ length: count }), () => {
        const { machine, number, text } = this.#next()
        part.given.add(number)
        return this.#plant.publishAsync(`hall/${machine}/set`, text, { qos: 1 })
      })
      yield* Effect.all(given, { discard: true })
    })
  }

  /** A machine hands in a reading; whether it was accepted. A machine whose gateway is away goes on with the next. */
  #handIn(part: Part): Effect.Effect<boolean> {
    const { machine, number, text } = this.#next()
    return Effect.tryPromise((signal) =>
      fetch(`${this.#gatewayUrl}/machines/${machine}/readings`, { method: "POST", body: text, signal })
    ).pipe(
      Effect.map(({ status }) => {
        if (status === 202) part.accepted.add(number)
        return status === 202
      }),
      Effect.orElseSucceed(() => false)
    )
  }

  /** Four machines hand in one reading after another, until it is interrupted. */
  keepHandingIn(part: Part): Effect.Effect<never> {
    const one = Effect.suspend(() => this.#handIn(part)).pipe(Effect.repeat(Schedule.spaced("2 millis")))
    return Effect.andThen(Effect.all([one, one, one, one], { concurrency: "unbounded", discard: true }), Effect.never)
  }

  finished(part: Part): number {
    return [...part.given].filter((number) => this.#reports.seen.has(number)).length
  }

  arrived(part: Part): number {
    return [...part.accepted].filter((number) => this.#readings.seen.has(number)).length
  }

  judge({ accepted, given }: Part): Judgement {
    const those = (numbers: Set<number>, tally: Tally, what: string, isWrong: (times: number) => boolean) =>
      [...numbers].filter((number) => isWrong(tally.seen.get(number) ?? 0)).map((number) => `${what} ${number}`)
    const both = (isWrong: (times: number) => boolean) => [
      ...those(accepted, this.#readings, "reading", isWrong),
      ...those(given, this.#reports, "command", isWrong)
    ]
    return {
      accepted: accepted.size,
      given: given.size,
      lost: both((times) => times === 0),
      repeated: both((times) => times > 1)
    }
  }
}

/** The plant's client: a session that the broker keeps, so that a restart of the broker costs the record nothing. */
export const make = Effect.fnUntraced(function*(options: NodeMqtt.Options, gatewayUrl: string) {
  const context = yield* Layer.build(NodeMqtt.layer({
    ...options,
    clientId: "plant",
    protocolVersion: "auto",
    session: "persistent",
    initialConnection: "retry",
    reconnect: Schedule.spaced("100 millis"),
    tracing: {}
  }))
  const hall = new Hall(Context.get(context, MqttClient.MqttClient), gatewayUrl)
  yield* hall.watch()
  return hall
})
