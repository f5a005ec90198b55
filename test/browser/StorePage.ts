/**
 * The page of `BrowserMqttStore.test.ts`: the store, which the test uses from outside. Runs in the browser.
 */
import type { MqttError } from "effect-mqtt"
import { BrowserMqttStore } from "effect-mqtt/browser"
import * as StoreSuite from "effect-mqtt/testing/StoreSuite"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Change, OpenStore } from "../../src/MqttStore.ts"

/** What became of it: the problem of the store if it failed. */
export interface Outcome<A = void> {
  readonly value?: A
  readonly problem?: string
  readonly message?: string
}

const run = <A>(effect: Effect.Effect<A, MqttError.MqttError>): Promise<Outcome<A>> =>
  Effect.runPromise(Effect.match(effect, {
    onSuccess: (value) => ({ value }),
    onFailure: ({ message, reason }) => ({
      problem: reason._tag === "StoreFailed" ? `${reason.operation} ${reason.problem}` : reason._tag,
      message
    })
  }))

const newPlace = Effect.sync(() => {
  const name = crypto.randomUUID()
  return BrowserMqttStore.make({ name })
})

const checks = StoreSuite.checks(newPlace)

const scope = Scope.makeUnsafe()
let open: OpenStore | undefined

const opened = Effect.suspend(() => open === undefined ? Effect.die("nothing is open") : Effect.succeed(open))

const storePage = {
  /** Runs a check of the suite; what was wrong, if anything. */
  check: (name: string): Promise<string | undefined> => {
    const found = checks.find((check) => check.name === name)
    if (found === undefined) return Promise.resolve("there is no such check")
    return Effect.runPromise(Effect.match(found.check, {
      onSuccess: () => undefined,
      onFailure: ({ message }) => message
    }))
  },
  open: (clientId: string, options?: BrowserMqttStore.Options) =>
    run(
      Effect.flatMap(BrowserMqttStore.make(options), (store) => store.open(clientId)).pipe(
        Scope.provide(scope),
        Effect.map((store) => {
          open = store
        })
      )
    ),
  close: () => Effect.runPromise(Scope.close(scope, Exit.void)),
  /** Writes texts into the table `message`, under the numbers from `first`. */
  commit: (first: number, texts: ReadonlyArray<string>) =>
    run(Effect.flatMap(opened, (open) =>
      open.commit(texts.map((text, index): Change => ({
        _tag: "Put",
        table: "message",
        key: first + index,
        value: new TextEncoder().encode(text)
      }))))),
  read: () =>
    run(Effect.map(
      Effect.flatMap(opened, (open) => open.read("message", { after: -1, limit: 100 })),
      (records) => records.map(({ key, value }) => `${key}: ${new TextDecoder().decode(value)}`)
    ))
}

export type StorePage = typeof storePage

Object.assign(globalThis, { storePage })
