/**
 * The steps of a scenario. Each step is two things at once: an effect that this page runs, and the lines that say the
 * same in a test.
 */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { FakeNetwork, MemoryBroker } from "../../src/testing/index.ts"

/** A program of a scenario: the subscriber, a publisher, or a page that sends the rest of its store. */
export interface Program {
  readonly name: string
  readonly clientId: string
  readonly kind: "subscriber" | "publisher" | "reopened"
}

/** A run, as its steps see it. */
export interface Stage {
  readonly network: FakeNetwork.FakeNetwork["Service"]
  readonly broker: MemoryBroker.MemoryBroker["Service"]
  readonly start: (program: Program) => Effect.Effect<void>
  /** After each step of time: here this page looks at the clients. */
  readonly afterStep: Effect.Effect<void>
  readonly kill: (program: Program) => Effect.Effect<void>
}

export interface Step {
  /** The step as a sentence, for people. A step without words is a wait. */
  readonly words?: string
  /** How long it is to be seen on the timeline, milliseconds. */
  readonly lasts?: number
  /** From now on the open connections swallow everything. */
  readonly silences?: boolean
  readonly run: (stage: Stage) => Effect.Effect<void>
  readonly code: ReadonlyArray<string>
}

/** Milliseconds as Effect writes a duration. */
export const duration = (milliseconds: number): string => {
  if (milliseconds % 1000 !== 0) return `"${milliseconds} millis"`
  return milliseconds === 1000 ? `"1 second"` : `"${milliseconds / 1000} seconds"`
}

/** Time passes in steps of so many milliseconds: the latency of the network. */
const stepOfTime = 20

/** So many turns of the scheduler are enough for everything that happens at one moment. */
const turns = 5

/**
 * Lets time pass. The clock waits for the fibers that it wakes, but not for work that they leave to a microtask, as the
 * client does to gather a batch. In one long step such work would come late, at the next moment for which somebody sleeps.
 */
export const wait = (milliseconds: number): Step => ({
  run: ({ afterStep }) =>
    Effect.gen(function*() {
      for (let passed = 0; passed < milliseconds; passed += stepOfTime) {
        yield* Effect.repeat(Effect.yieldNow, { times: turns })
        yield* TestClock.adjust(Math.min(stepOfTime, milliseconds - passed))
        yield* afterStep
      }
    }),
  code: [`yield* wait(${milliseconds >= 10_000 ? `${milliseconds}`.replace(/(\d{3})$/, "_$1") : milliseconds})`]
})

/** The same in a test. */
export const waiting: ReadonlyArray<string> = [
  "/** Lets milliseconds pass, step by step: everything that happens at one moment is over before the next. */",
  "const wait = Effect.fnUntraced(function*(milliseconds: number) {",
  `  for (let passed = 0; passed < milliseconds; passed += ${stepOfTime}) {`,
  `    yield* Effect.repeat(Effect.yieldNow, { times: ${turns} })`,
  `    yield* TestClock.adjust(Math.min(${stepOfTime}, milliseconds - passed))`,
  "  }",
  "})"
]

/** The effect of a program in a test. */
const codeOf = ({ clientId, kind, name }: Program, hasStore: boolean): string => {
  if (kind === "subscriber") return name
  const effect = kind === "publisher" ? `publisher("${name}", "${clientId}")` : `Layer.launch(client("${clientId}"))`
  return hasStore ? `MqttStore.provide(${effect}, store)` : effect
}

/** The program begins. A program that will be killed has a name in the test. */
export const start = (
  program: Program,
  options: { readonly words: string; readonly hasStore?: boolean; readonly willDie?: boolean }
): Step => ({
  words: options.words,
  run: (stage) => stage.start(program),
  code: [
    `${options.willDie === true ? `const ${program.name} = ` : ""}yield* Effect.forkChild(${
      codeOf(program, options.hasStore === true)
    })`
  ]
})

export const kill = (program: Program, words: string): Step => ({
  words,
  run: (stage) => stage.kill(program),
  code: [`yield* Effect.forkChild(Fiber.interrupt(${program.name}))`]
})

/** More attempts to connect than a run has. */
const always = 1000

export const loseNetwork = (how: "silence" | "reset", lasts: number): Step => ({
  words: how === "silence"
    ? "The network falls silent: it swallows every byte, and refuses new connections."
    : "The network resets every connection, and refuses new ones.",
  lasts,
  silences: how === "silence",
  run: ({ network }) => Effect.andThen(how === "silence" ? network.drop : network.reset, network.refuseConnect(always)),
  code: [`yield* network.${how === "silence" ? "drop" : "reset"}`, `yield* network.refuseConnect(${always})`]
})

export const restoreNetwork: Step = {
  words: "The network is back.",
  run: ({ network }) => network.allowConnect,
  code: ["yield* network.allowConnect"]
}

export const stopBroker = (lasts: number): Step => ({
  words: "The broker restarts. It forgets its sessions, and takes no connections until it is up again.",
  lasts,
  run: ({ broker, network }) => Effect.andThen(broker.restart({ keepSessions: false }), network.refuseConnect(always)),
  code: ["yield* broker.restart({ keepSessions: false })", `yield* network.refuseConnect(${always})`]
})

export const brokerIsUp: Step = { ...restoreNetwork, words: "The broker is up again, without sessions." }

export const stall = (lasts: number): Step => ({
  words: "The broker stalls: connections stay open, and it reads and answers nothing.",
  lasts,
  run: ({ broker }) => broker.stall(lasts),
  code: [`yield* broker.stall(${duration(lasts)})`]
})
