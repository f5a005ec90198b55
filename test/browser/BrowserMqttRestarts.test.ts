/**
 * Pages in Chromium with a client and its store. The pages are closed, or die, while messages wait: every accepted
 * message still arrives through mosquitto.
 */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as Relay from "../../examples/support/relay.ts"
import { client } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as Content from "../crash/content.ts"
import { Judge } from "../crash/Judge.ts"
import { Signal } from "../crash/Signal.ts"
import { suiteWith } from "../support/requirements.ts"
import { versions } from "../support/versions.ts"
import * as Chromium from "./Chromium.ts"
import type { ClientPage, Options } from "./ClientPage.ts"
import * as Site from "./Site.ts"

const timeout = 120_000

const mosquitto: Mosquitto.Options = {
  // By default it drops what waits for the witness beyond 1,000, and what a publisher of QoS 2 has in flight beyond 20.
  configuration: [
    "allow_anonymous true",
    "max_queued_messages 0",
    "max_queued_bytes 0",
    "max_inflight_messages 65534"
  ],
  listeners: { ws: ["allow_anonymous true", "protocol websockets"] }
}

class Served extends Context.Service<Served, Site.Site>()("test/ClientSite") {
  static readonly layer = Layer.effect(Served, Site.builtModule("ClientPage.ts"))
}

/** What a page does with its client, by the names of `ClientPage`. */
type Call = <Name extends keyof ClientPage>(
  name: Name,
  ...args: Parameters<ClientPage[Name]>
) => Effect.Effect<Awaited<ReturnType<ClientPage[Name]>>>

const callerOf = ({ playwright }: Chromium.Page): Call => (name, ...args) =>
  Effect.promise(() =>
    playwright.evaluate(([name, args]) => {
      const { clientPage } = globalThis as unknown as { readonly clientPage: Record<string, Function> }
      return clientPage[name](...args)
    }, [name, args] as const)
  )

let worlds = 0

/** The way to mosquitto, a witness that hears what the pages publish, and who judges it. */
const makeWorld = Effect.fnUntraced(function*(protocolVersion: Options["protocolVersion"]) {
  const name = `page-${++worlds}`
  const { port } = yield* Mosquitto.Listeners
  const network = yield* Relay.make(`ws://127.0.0.1:${port("ws")}`)
  let isAway = false
  const away = (value: boolean, effect: Effect.Effect<void>) =>
    Effect.suspend(() => {
      if (isAway === value) return Effect.void
      isAway = value
      return effect
    })
  const cut = away(true, network.cut)
  const mend = away(false, network.mend)
  const signal = new Signal()
  const judge = new Judge()
  const counts = { accepted: 0, delivered: 0 }
  const witness = yield* client({ protocolVersion, receiveMaximum: 60_000 })
  const messages = yield* witness.subscribe(Content.outgoingFilter(name), { qos: 2 })
  yield* Effect.forkScoped(Stream.runForEach(messages, ({ qos, text, topic }) =>
    Effect.sync(() => {
      const number = Content.numberOf(text)
      if (number === undefined || qos === 0) judge.violated("garbled", `${topic} ${text.slice(0, 40)}`)
      else judge.delivered(topic, qos, number)
      counts.delivered++
      signal.changed()
    })))
  const options: Options = { url: network.url, clientId: name, protocolVersion, store: { name } }

  const onConsole = (text: string) => {
    const [word, qosText, number] = text.split(" ")
    if (word !== "accepted") return
    const qos = qosText === "1" ? 1 : 2
    judge.accepted(Content.outgoing(name, qos, "async"), qos, Number(number))
    counts.accepted++
    signal.changed()
  }
  /** A page that has this client, or is refused it. */
  const open = Effect.gen(function*() {
    const page = yield* Chromium.open((yield* Served).url)
    yield* Effect.promise(() => page.playwright.waitForFunction("globalThis.clientPage !== undefined"))
    page.playwright.on("console", (message) => onConsole(message.text()))
    const call = callerOf(page)
    return { page, call, problem: yield* call("start", options) }
  })
  /** A page whose client is there. */
  const start: Effect.Effect<Started, never, Served | Chromium.Chromium | Scope.Scope> = Effect.tap(
    open,
    ({ problem }) => Effect.sync(() => assert.isUndefined(problem))
  )
  /** Opens a page that delivers all that is left, and judges what has arrived. */
  const end = Effect.gen(function*() {
    yield* mend
    const { call } = yield* start
    yield* call("flush")
    assert.deepInclude(yield* call("stats"), { storedMessages: 0, storedBytes: 0, storeFailures: 0 })
    // What the broker has not passed on yet.
    yield* Effect.timeoutOption(signal.until(() => judge.outstanding === 0), "20 seconds")
    judge.end()
    assert.deepStrictEqual(judge.violations, [])
  }).pipe(Effect.scoped)
  return {
    name,
    judge,
    counts,
    signal,
    open,
    start,
    end,
    cut,
    mend
  }
})

interface Started {
  readonly page: Chromium.Page
  readonly call: Call
}

/** The process of the page dies. */
const crash = ({ playwright }: Chromium.Page) =>
  Effect.promise(async () => {
    const session = await playwright.context().newCDPSession(playwright)
    const crashed = new Promise((resolve) => playwright.once("crash", resolve))
    // Nobody is left to answer.
    session.send("Page.crash").catch(() => {})
    await crashed
  })

const close = ({ playwright }: Chromium.Page) => Effect.promise(() => playwright.close({ runBeforeUnload: true }))

/** How the life of a page goes and ends, and whether the broker is there. */
interface Life {
  readonly broker: boolean
  readonly publishes: boolean
  readonly ends: typeof crash
}

const lives: ReadonlyArray<Life> = [
  { broker: false, publishes: true, ends: crash },
  // It sends what those before have left.
  { broker: true, publishes: false, ends: crash },
  { broker: true, publishes: true, ends: crash },
  { broker: true, publishes: true, ends: close },
  { broker: false, publishes: true, ends: close }
]

suiteWith([Mosquitto.requirement, Chromium.requirement], "a page with a store in Chromium", () => {
  it.layer(Layer.mergeAll(Mosquitto.layer(mosquitto), Chromium.layer, Served.layer), {
    excludeTestServices: true,
    timeout
  })((it) => {
    for (const version of versions) {
      it.effect(
        `${version}: it is closed with messages waiting, opened again, and all arrive once and in order`,
        () =>
          Effect.gen(function*() {
            const world = yield* makeWorld(version)
            yield* world.cut
            yield* Effect.scoped(Effect.gen(function*() {
              const { call, page } = yield* world.start
              yield* call("publish", { world: world.name, from: 1, count: 20 })
              assert.deepInclude(yield* call("stats"), { storedMessages: 40 })
              yield* close(page)
            }))
            yield* Effect.scoped(Effect.gen(function*() {
              const { call } = yield* world.start
              assert.deepInclude(yield* call("stats"), { storedMessages: 40 })
              assert.strictEqual(world.counts.delivered, 0)
              yield* world.mend
              yield* call("flush")
              yield* world.signal.until(() => world.counts.delivered >= 40)
            }))
            // Nothing that is over comes back.
            yield* world.end
            assert.deepStrictEqual(world.counts, { accepted: 40, delivered: 40 })
          }).pipe(Effect.scoped),
        timeout
      )

      it.effect(
        `${version}: it dies again and again, while it publishes and while it sends`,
        () =>
          Effect.gen(function*() {
            const world = yield* makeWorld(version)
            const { counts, judge, signal } = world
            const rounds = 2 * lives.length
            for (let round = 0; round < rounds; round++) {
              const { broker, ends, publishes } = lives[round % lives.length]
              yield* broker ? world.mend : world.cut
              judge.run++
              const before = { ...counts }
              yield* Effect.scoped(Effect.gen(function*() {
                const { call, page } = yield* world.start
                const from = 1 + judge.run * Content.numbersOfARun
                if (publishes) yield* call("keepPublishing", { world: world.name, from, count: 10 })
                const accepted = publishes ? before.accepted + 37 * (round + 1) : 0
                const delivered = broker ? before.delivered + (publishes ? 23 * (round + 1) : 7) : 0
                yield* signal.until(() => counts.accepted >= accepted && counts.delivered >= delivered)
                yield* ends(page)
              }))
            }
            yield* world.end
            assert.isAbove(judge.counts[2].accepted, 100)
          }).pipe(Effect.scoped),
        timeout
      )
    }

    it.effect("a second tab gets InUse; when the first dies, it has what that one left", () =>
      Effect.gen(function*() {
        const world = yield* makeWorld("5.0")
        yield* world.cut
        yield* Effect.scoped(Effect.gen(function*() {
          const first = yield* world.start
          yield* first.call("publish", { world: world.name, from: 1, count: 5 })
          const second = yield* world.open
          assert.match(second.problem ?? "", /^open InUse: .*another tab/)
          yield* first.call("publish", { world: world.name, from: 6, count: 5 })
          yield* crash(first.page)
          const { call } = yield* world.start
          assert.deepInclude(yield* call("stats"), { storedMessages: 20 })
        }))
        yield* world.end
        assert.deepStrictEqual(world.counts, { accepted: 20, delivered: 20 })
      }).pipe(Effect.scoped), timeout)
  })
})
