/**
 * The service that the tests call, and a probe in its handlers.
 */
import { Cause, Effect, Latch, type Layer, Schema, SchemaTransformation, Stream } from "effect"
import { Rpc, RpcGroup, RpcSchema } from "effect/rpc"

export class Unknown extends Schema.TaggedError<Unknown>()("Unknown", { name: Schema.String }) {}

/** A number that takes a second to decode. */
const Slow = Schema.Int.pipe(
  Schema.decodeTo(
    Schema.Int,
    SchemaTransformation.transformEffect<number, number>({
      decode: (number) => Effect.delay(Effect.succeed(number), "1 second"),
      encode: Effect.succeed
    })
  )
)

/** Calls that tests make. `Wait` and `Endless` end only when they are interrupted. */
export const Service = RpcGroup.make(
  Rpc.make("Double", { payload: { number: Schema.Finite }, success: Schema.Finite }),
  Rpc.make("Find", { payload: { name: Schema.String }, success: Schema.String, error: Unknown }),
  Rpc.make("Die", { payload: { message: Schema.String }, success: Schema.Void }),
  Rpc.make("Wait", { payload: { name: Schema.String }, success: Schema.Void }),
  Rpc.make("Greet", { success: Schema.String }),
  Rpc.make("Count", {
    payload: { to: Schema.Int, at: Schema.Int },
    success: RpcSchema.Stream(Schema.Int, Schema.Never)
  }),
  Rpc.make("CountAndFail", { payload: { to: Schema.Int }, success: RpcSchema.Stream(Schema.Int, Unknown) }),
  Rpc.make("Slow", { success: Slow }),
  Rpc.make("SlowCount", { success: RpcSchema.Stream(Slow, Schema.Never) }),
  Rpc.make("Endless", { payload: { name: Schema.String }, success: RpcSchema.Stream(Schema.Int, Schema.Never) })
)

/** Records the work of handlers. */
export class Probe {
  /** Handlers that began, by the names of their calls. */
  readonly started: Array<string> = []
  readonly interrupted: Array<string> = []
  /** Elements that `Endless` was asked for. */
  produced = 0
  /** How often each number was doubled. */
  readonly doubled = new Map<number, number>()
  /** Opened when `Double` may go on. */
  readonly gate = Latch.makeUnsafe(true)

  /** A handler of this name, while it runs. */
  watch<A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      this.started.push(name)
      return effect
    }).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => {
          if (exit._tag === "Failure" && Cause.hasInterrupts(exit.cause)) this.interrupted.push(name)
        })
      )
    )
  }
}

export const handlers = (probe: Probe) =>
  Service.toLayer(Service.of({
    Double: ({ number }) =>
      Effect.map(probe.gate.await, () => {
        probe.doubled.set(number, (probe.doubled.get(number) ?? 0) + 1)
        return number * 2
      }),
    Find: ({ name }) => name === "Ada" ? Effect.succeed("Lovelace") : Effect.fail(new Unknown({ name })),
    Die: ({ message }) => Effect.die(new Error(message)),
    Wait: ({ name }) => probe.watch(name, Effect.never),
    Greet: (_, { headers }) => Effect.succeed(`Hello ${headers["x-name"] ?? "nobody"}`),
    Count: ({ at, to }) => Stream.rechunk(Stream.range(1, to), at),
    CountAndFail: ({ to }) =>
      Stream.concat(Stream.rechunk(Stream.range(1, to), 1), Stream.fail(new Unknown({ name: "more" }))),
    Slow: () => Effect.succeed(7),
    SlowCount: () => Stream.rechunk(Stream.range(1, 3), 1),
    Endless: ({ name }) =>
      Stream.unwrap(Effect.sync(() => {
        probe.started.push(name)
        return Stream.fromEffectRepeat(Effect.sync(() => ++probe.produced)).pipe(
          Stream.rechunk(1),
          Stream.onExit(() => Effect.sync(() => probe.interrupted.push(name)))
        )
      }))
  }))

export type Handlers = Layer.Success<ReturnType<typeof handlers>>
