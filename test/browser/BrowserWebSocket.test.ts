/**
 * The transport of browsers over Node's WebSocket, which has the interface of browsers, and over a WebSocket that the
 * test plays.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Redacted, Scope } from "effect"
import { TestClock } from "effect/testing"
import { inspect } from "node:util"
import { vi } from "vitest"
import { BrowserWebSocket } from "../../src/browser/index.ts"
import { MqttError } from "../../src/index.ts"
import * as listeners from "../support/listeners.ts"
import { assertReason } from "../support/reasons.ts"
import { begin } from "../support/time.ts"

const bytes = Uint8Array.of(0xc0, 0)

const reasonFor = <A>(effect: Effect.Effect<A, MqttError.MqttError, Scope.Scope>) =>
  Effect.map(Effect.flip(Effect.scoped(effect)), ({ reason }) => reason)

const open = (options: BrowserWebSocket.Options) => Effect.flatMap(BrowserWebSocket.make(options), ({ open }) => open)

/** Another `WebSocket` for as long as the scope. */
const replaced = (webSocket: unknown) =>
  Effect.acquireRelease(
    Effect.sync(() => vi.stubGlobal("WebSocket", webSocket)),
    () => Effect.sync(() => vi.unstubAllGlobals())
  )

describe("a WebSocket of a browser", () => {
  it.live("R150 R153 offers mqtt and nothing else, sends binary frames, and says goodbye with its scope", () =>
    Effect.gen(function*() {
      const offered: Array<unknown> = []
      const frames: Array<readonly [byte: number, isBinary: boolean]> = []
      const closed = yield* Deferred.make<number>()
      const { url } = yield* listeners.listen("ws", () => {}, {
        onRequest: ({ headers }) => offered.push(headers["sec-websocket-protocol"]),
        onWebSocket: (webSocket) => {
          webSocket.on("message", (data: Uint8Array, isBinary) => {
            frames.push([data[0], isBinary])
            webSocket.send(data)
          })
          webSocket.on("close", (code) => Deferred.doneUnsafe(closed, Effect.succeed(code)))
        }
      })
      yield* Effect.scoped(Effect.gen(function*() {
        const connection = yield* open({ url })
        yield* connection.write([bytes])
        assert.deepStrictEqual(yield* connection.pull, [bytes])
      }))
      assert.strictEqual(yield* Deferred.await(closed), 1000)
      assert.deepStrictEqual([offered, frames], [["mqtt"], [[0xc0, true]]])
    }).pipe(Effect.scoped))

  it.live("R151 a text frame ends it, also one that comes at once", () =>
    Effect.gen(function*() {
      const { url } = yield* listeners.listen("ws", () => {}, {
        onWebSocket: (webSocket) => webSocket.send("text")
      })
      const reason = yield* reasonFor(Effect.flatMap(open({ url }), ({ pull }) => pull))
      assert.strictEqual(assertReason(reason, "WebSocketFailed").problem, "TextFrame")
    }).pipe(Effect.scoped))

  it.live("R154 a server that chose no sub-protocol is not spoken to, where the browser allows one", () =>
    Effect.gen(function*() {
      const Original = globalThis.WebSocket
      yield* replaced(function(url: string) {
        return new Original(url)
      })
      const { url } = yield* listeners.listen("ws", () => {}, { onWebSocket: () => {} })
      const reason = assertReason(yield* reasonFor(open({ url })), "WebSocketFailed")
      assert.strictEqual(reason.problem, "SubProtocol")
      assert.isFalse(reason.isRetryable)
    }).pipe(Effect.scoped))

  it.live("a server that is not there, does not take it, or does not speak mqtt is one failure, which says so", () =>
    Effect.gen(function*() {
      const refusing = yield* listeners.listen("ws", () => {}, { webSocket: { verifyClient: () => false } })
      const speechless = yield* listeners.listen("ws", () => {}, { webSocket: { handleProtocols: () => false } })
      const gone = yield* Effect.scoped(listeners.listen("ws", () => {}))
      for (const { url } of [refusing, speechless, gone]) {
        const reason = assertReason(yield* reasonFor(open({ url })), "OpenFailed")
        assert.include(reason.message, "the browser does not say why")
        assert.isTrue(reason.isRetryable)
      }
    }).pipe(Effect.scoped))

  it.live("S52 the URL is obtained for every attempt; what it fails with fails the attempt", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const server = yield* listeners.listen("ws", () => {}, {
        onRequest: ({ url }) => asked.push(url),
        onWebSocket: () => {}
      })
      let issued = 0
      const url = Effect.sync(() => Redacted.make(`${server.url}/mqtt?signature=${++issued}`))
      const transport = yield* BrowserWebSocket.make({ url })
      yield* Effect.scoped(transport.open)
      yield* Effect.scoped(transport.open)
      assert.deepStrictEqual(asked, ["/mqtt?signature=1", "/mqtt?signature=2"])

      const failing = yield* reasonFor(open({ url: Effect.fail("no signature today") }))
      assert.include(assertReason(failing, "OpenFailed").message, "no signature today")
      const own = MqttError.fromReason(new MqttError.Offline())
      assert.strictEqual(yield* reasonFor(open({ url: Effect.fail(own) })), own.reason)
    }).pipe(Effect.scoped))

  it.live("a Server Reference leads elsewhere on the same path, and never from wss: to ws:", () =>
    Effect.gen(function*() {
      const asked: Array<unknown> = []
      const { port, url } = yield* listeners.listen("ws", () => {}, {
        onRequest: ({ url }) => asked.push(url),
        onWebSocket: () => {}
      })
      const openAt = (url: string, reference: string) =>
        Effect.flatMap(BrowserWebSocket.make({ url }), ({ openAt }) => openAt?.(reference) ?? Effect.die("none"))
      yield* Effect.scoped(openAt("ws://broker.invalid/mqtt?a=b", `127.0.0.1:${port}`))
      yield* Effect.scoped(openAt("ws://broker.invalid/mqtt", `mqtt://x ${url}/other`))
      assert.deepStrictEqual(asked, ["/mqtt", "/other"])
      const reason = yield* reasonFor(openAt("wss://broker.invalid/mqtt", url))
      assert.include(assertReason(reason, "OpenFailed").message, "leads from TLS")
    }).pipe(Effect.scoped))

  const wrong = [
    ["broker.example", "is not a URL"],
    ["localhost:9001", "does not begin with ws://"],
    ["mqtt://broker.example", "does not begin with ws://"],
    ["/mqtt", "is a path, and there is no page to complete it"],
    ["ws://broker.example:0", "has port 0"],
    ["ws://a%:secret@broker.example", "with a \"%\""]
  ] as const
  for (const [url, problem] of wrong) {
    it.effect(`the URL ${url} is refused before anything is opened`, () =>
      Effect.gen(function*() {
        const reason = assertReason(yield* reasonFor(BrowserWebSocket.make({ url })), "InvalidOptions")
        assert.strictEqual(reason.option, "url")
        assert.include(reason.description, problem)
        assert.notInclude(reason.message, "secret")
      }))
  }

  it.effect("a path leads to the server that the page came from, in its scheme", () =>
    Effect.gen(function*() {
      for (
        const [page, endpoint] of [
          ["https://site.example/a/b?c", "wss://site.example/mqtt"],
          ["http://site.example:8080/", "ws://site.example:8080/mqtt"]
        ]
      ) {
        vi.stubGlobal("location", new URL(page))
        const transport = yield* BrowserWebSocket.make({ url: "/mqtt?secret=1" })
        vi.unstubAllGlobals()
        assert.strictEqual(transport.endpoint, endpoint)
      }
    }))

  const pages: ReadonlyArray<readonly [string, Readonly<Record<string, unknown>>, string | undefined]> = [
    [
      "a srcdoc frame",
      { location: new URL("about:srcdoc"), origin: "https://site.example" },
      "wss://site.example/mqtt"
    ],
    ["a blob: worker", { location: new URL("blob:http://site.example/1"), origin: "null" }, "ws://site.example/mqtt"],
    [
      "a srcdoc frame in a sandbox",
      { location: new URL("about:srcdoc"), origin: "null", document: { baseURI: "https://site.example/a" } },
      "wss://site.example/mqtt"
    ],
    ["a page with another base", {
      location: new URL("https://site.example/a"),
      origin: "https://site.example",
      document: { baseURI: "https://other.example/" }
    }, "wss://site.example/mqtt"],
    ["a data: worker", { location: new URL("data:text/javascript,1"), origin: "null" }, undefined],
    ["a page from a file", {
      location: new URL("file:///a/b.html"),
      origin: "null",
      document: { baseURI: "file:///a/b.html" }
    }, undefined]
  ]
  for (const [place, globals, endpoint] of pages) {
    it.effect(`a path from ${place} ${endpoint === undefined ? "leads nowhere" : "leads to its server"}`, () =>
      Effect.gen(function*() {
        for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
        const made = yield* Effect.result(BrowserWebSocket.make({ url: "/mqtt" }))
        vi.unstubAllGlobals()
        if (endpoint !== undefined) return assert.strictEqual((yield* Effect.fromResult(made)).endpoint, endpoint)
        const { reason } = yield* Effect.flip(Effect.fromResult(made))
        assert.include(assertReason(reason, "InvalidOptions").description, "does not come from a server")
      }))
  }

  it.live("a browser that fails mixed content later is understood, and one that has been open goes on trying", () =>
    Effect.gen(function*() {
      const { url } = yield* listeners.listen("ws", () => {}, { onWebSocket: () => {} })
      yield* Effect.addFinalizer(() => Effect.sync(() => vi.unstubAllGlobals()))
      vi.stubGlobal("location", new URL("https://site.example/"))
      const Original = globalThis.WebSocket
      let leadsTo = "ws://127.0.0.1:1"
      vi.stubGlobal("WebSocket", function(given: string) {
        return Object.defineProperty(new Original(leadsTo, "mqtt"), "url", { value: given })
      })
      const refused = yield* BrowserWebSocket.make({ url: "ws://broker.invalid" })
      const first = assertReason((yield* Effect.flip(Effect.scoped(refused.open))).reason, "WebSocketFailed")
      assert.deepStrictEqual([first.problem, first.isRetryable], ["MixedContent", false])
      const allowed = yield* BrowserWebSocket.make({ url: "ws://broker.invalid" })
      leadsTo = url
      yield* Effect.scoped(allowed.open)
      leadsTo = "ws://127.0.0.1:1"
      assertReason((yield* Effect.flip(Effect.scoped(allowed.open))).reason, "OpenFailed")
      const local = yield* BrowserWebSocket.make({ url: "ws://localhost" })
      assertReason((yield* Effect.flip(Effect.scoped(local.open))).reason, "OpenFailed")
    }).pipe(Effect.scoped))

  it.live("security 2: user name, password and query are in no error", () =>
    Effect.gen(function*() {
      yield* replaced(function(url: string) {
        throw new DOMException(`Failed to construct 'WebSocket': The URL '${url}' is invalid.`, "SyntaxError")
      })
      const url = "ws://canary:canary@broker.invalid/mqtt?signature=canary#canary"
      const error = yield* Effect.flip(Effect.scoped(open({ url })))
      assert.notInclude(inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error), "canary")
    }).pipe(Effect.scoped))
})

/** A WebSocket that does what the test says; its peer never answers. */
class Played extends EventTarget {
  static last: Played
  readyState = 1
  protocol = "mqtt"
  binaryType = "blob"
  bufferedAmount = 0
  readonly sent: Array<unknown> = []
  closed = 0
  constructor() {
    super()
    Played.last = this
  }
  send(data: Uint8Array) {
    this.sent.push(data)
    this.bufferedAmount += data.length
  }
  close() {
    this.closed++
    this.readyState = 2
  }
}

describe("a WebSocket whose peer never answers", () => {
  const opened = (options?: Partial<BrowserWebSocket.Options>) =>
    Effect.andThen(replaced(Played), open({ url: "ws://broker.invalid", ...options }))

  it.effect("a write waits while too much is unsent", () =>
    Effect.gen(function*() {
      const connection = yield* opened({ maximumUnsent: 10 })
      yield* connection.write([new Uint8Array(10)])
      const writing = yield* begin(connection.write([new Uint8Array(1)]))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(Played.last.sent.length, 2)
      assert.isUndefined(writing.pollUnsafe())
      Played.last.bufferedAmount = 10
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(writing)
      yield* connection.abort
    }).pipe(Effect.scoped))

  it.effect("aborting ends reading at once, and nobody waits for the peer", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(opened(), scope)
      const reading = yield* begin(Effect.flip(connection.pull))
      yield* connection.abort
      assertReason((yield* Fiber.join(reading)).reason, "ConnectionLost")
      yield* Scope.close(scope, Exit.void)
      assert.isAbove(Played.last.closed, 0)
    }))

  it.effect("the closing handshake may take no longer than drainTimeout", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      yield* Scope.provide(opened({ drainTimeout: "3 seconds" }), scope)
      const closing = yield* begin(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
    }))
})
