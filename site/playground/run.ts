/**
 * Runs a setting from its first step to its last, in virtual time, and returns the record of it. The same setting gives
 * the same record, in a page and in Node.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as TestClock from "effect/testing/TestClock"
import { awake } from "../../src/browser/internal/tabs/scheduler.ts"
import type { MqttError } from "../../src/MqttError.ts"
import * as MqttStore from "../../src/MqttStore.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"
import type { Passed } from "../../src/testing/MemoryBroker.ts"
import * as Programs from "./programs.ts"
import { type Noted, Recorder } from "./Recorder.ts"
import { scenarioOf } from "./scenarios.ts"
import type { Setting } from "./Setting.ts"
import type { Program, Stage } from "./steps.ts"

/** Jitter is chance, so every run begins with this. */
export const seed = "playground"

/** Everything that a run leaves behind. */
export interface Record {
  readonly setting: Setting
  readonly notes: ReadonlyArray<Noted>
  /** The messages that the broker accepted, in order. */
  readonly accepted: ReadonlyArray<MemoryBroker.Message>
  /** The packets as the broker saw them. */
  readonly passed: ReadonlyArray<Passed>
  readonly connections: ReadonlyArray<FakeNetwork.Connection>
  /** The broker's session of the station at the end, if there is one. */
  readonly session: MemoryBroker.Session | undefined
  /** The rules of MQTT that a client broke. */
  readonly violations: ReadonlyArray<MemoryBroker.Violation>
  /** Milliseconds from the first step to the last. */
  readonly end: number
}

const reasonOf = (exit: Exit.Exit<void, MqttError | string>): string => {
  const [failure] = Exit.isFailure(exit) ? exit.cause.reasons.filter(Cause.isFailReason) : []
  if (failure === undefined) return ""
  return `, with ${typeof failure.error === "string" ? failure.error : failure.error.reason._tag}`
}

/** What the steps act on. Programs end with the run. */
const stageOf = Effect.fnUntraced(function*(setting: Setting, recorder: Recorder) {
  const network = yield* FakeNetwork.FakeNetwork
  const broker = yield* MemoryBroker.MemoryBroker
  const transport = yield* MqttTransport
  const scope = yield* Effect.scope
  const store = yield* MqttStore.makeMemory
  const fibers = new Map<string, Fiber.Fiber<void, unknown>>()

  const hasStore = ({ name }: Program): boolean =>
    name === "page" && setting.scenario === "tab" && setting.store === "memory"
  const start = (program: Program) => {
    const made = Programs.make(program, setting, recorder)
    return (hasStore(program) ? MqttStore.provide(made, store) : made).pipe(
      Effect.onExit((exit) =>
        Exit.hasInterrupts(exit) ? Effect.void : recorder.note({
          _tag: "Happened",
          words: `The program of the ${program.name} ends${reasonOf(exit)}.`,
          lasts: 0,
          silences: false
        })
      ),
      Effect.provideService(MqttTransport, transport),
      Effect.forkIn(scope),
      Effect.map((fiber) => void fibers.set(program.name, fiber))
    )
  }
  // Nobody waits for it: the end of a client takes virtual time.
  const kill = ({ name }: Program) =>
    recorder.note({ _tag: "Died", client: name }).pipe(
      Effect.andThen(Effect.suspend(() => {
        const fiber = fibers.get(name)
        return fiber === undefined ? Effect.void : Effect.asVoid(Effect.forkIn(Fiber.interrupt(fiber), scope))
      }))
    )
  return { network, broker, start, kill, afterStep: recorder.sample } satisfies Stage
})

const recorded = Effect.fnUntraced(function*(setting: Setting) {
  const recorder = new Recorder()
  const stage = yield* stageOf(setting, recorder)
  for (const { lasts = 0, run, silences = false, words } of scenarioOf(setting.scenario).steps(setting)) {
    if (words !== undefined) yield* recorder.note({ _tag: "Happened", words, lasts, silences })
    yield* run(stage)
  }
  const { broker, network } = stage
  return {
    setting,
    notes: [...recorder.noted],
    accepted: yield* broker.messages,
    passed: yield* broker.packets(),
    connections: yield* network.connections,
    session: yield* broker.session("station"),
    violations: yield* broker.violations,
    end: yield* Clock.currentTimeMillis
  } satisfies Record
})

/** A clock that stands still until a step moves it, and no log. */
const world = MemoryBroker.layer().pipe(
  Layer.provideMerge(TestClock.layer({ warningDelay: "1 hour" })),
  Layer.provideMerge(Logger.layer([]))
)

export const run = (setting: Setting): Effect.Effect<Record> =>
  Effect.scoped(recorded(setting)).pipe(
    Effect.provide(Layer.fresh(world)),
    Random.withSeed(seed),
    // A run takes some thousand turns, and a browser would hold back each by milliseconds.
    awake,
    Effect.scoped
  )
