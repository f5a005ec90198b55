import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Socket from "effect/socket/Socket"
import { TestClock } from "effect/testing"
import { OpenFailed, PortRefused } from "../src/MqttError.ts"
import * as SocketTransport from "../src/SocketTransport.ts"
import { assertReason, reasonAtOnce } from "./support/reasons.ts"
import { begin, settle } from "./support/time.ts"

const socketError = (reason: Socket.SocketErrorReason): Socket.SocketError => new Socket.SocketError({ reason })

const endpoint = "mqtt://broker.test:1883"

/** A Socket whose reader the test feeds. Written to while it is not open, it waits for its next opening, as they do. */
const makeSocket = Effect.gen(function*() {
  const inbox = yield* Queue.unbounded<Uint8Array | string, Socket.SocketError>()
  const written: Array<ReadonlyArray<Uint8Array | string> | Socket.CloseEvent> = []
  let isOpen = false
  let openings = 0
  let writeError: Socket.SocketError | undefined
  const write = (item: ReadonlyArray<Uint8Array | string> | Socket.CloseEvent) =>
    Effect.suspend(() => {
      if (!isOpen) return Effect.never
      if (writeError !== undefined) return Effect.fail(writeError)
      written.push(item)
      return Effect.void
    })
  const socket = Socket.make({
    reader: Effect.acquireRelease(
      Effect.sync(() => {
        isOpen = true
        openings++
        return {
          pull: Effect.map(Queue.takeAll(inbox), (frames) => frames as NonEmptyReadonlyArray<Uint8Array | string>),
          upgrade: Socket.SocketUpgradeError.unsupported
        }
      }),
      () =>
        Effect.sync(() => {
          isOpen = false
        })
    ),
    writer: Effect.succeed({
      write: (chunk) => write(Socket.isCloseEvent(chunk) ? chunk : [chunk]),
      writeAll: write
    })
  })
  return {
    socket,
    written,
    openings: () => openings,
    frames: (...frames: ReadonlyArray<Uint8Array | string>) => Queue.offerAll(inbox, frames),
    end: (reason: Socket.SocketErrorReason) => Queue.fail(inbox, socketError(reason)),
    failWrites: (error: Socket.SocketError) => {
      writeError = error
    }
  }
})

const openWith = (socket: Socket.Socket) =>
  SocketTransport.fromSocket({ endpoint, socket: Effect.succeed(socket) }).open

const failing = (error: Socket.SocketError): Socket.Socket =>
  Socket.make({ reader: Effect.fail(error), writer: Effect.die("no writer") })

describe("fromSocket", () => {
  it.effect("bytes go through both ways, a batch in one write", () =>
    Effect.gen(function*() {
      const { frames, socket, written } = yield* makeSocket
      const connection = yield* openWith(socket)
      yield* frames(Uint8Array.of(1), Uint8Array.of(4))
      assert.deepStrictEqual(yield* connection.pull, [Uint8Array.of(1), Uint8Array.of(4)])
      yield* connection.write([Uint8Array.of(2), Uint8Array.of(3)])
      assert.deepStrictEqual(written, [[Uint8Array.of(2), Uint8Array.of(3)]])
    }).pipe(Effect.scoped))

  it.effect("S2 every attempt asks for a socket of its own", () =>
    Effect.gen(function*() {
      const sockets: Array<Effect.Success<typeof makeSocket>> = []
      const transport = SocketTransport.fromSocket({
        endpoint,
        socket: Effect.map(makeSocket, (made) => {
          sockets.push(made)
          return made.socket
        })
      })
      for (const byte of [1, 2]) {
        yield* Effect.scoped(Effect.flatMap(transport.open, ({ write }) => write([Uint8Array.of(byte)])))
      }
      assert.deepStrictEqual(sockets.map(({ openings }) => openings()), [1, 1])
      assert.deepStrictEqual(sockets.map(({ written }) => written), [[[Uint8Array.of(1)]], [[Uint8Array.of(2)]]])
    }))

  it.effect("S19 after its scope has ended a write fails at once, and no later opening sees its bytes", () =>
    Effect.gen(function*() {
      const { socket, written } = yield* makeSocket
      const scope = yield* Scope.make()
      const first = yield* Scope.provide(openWith(socket), scope)
      yield* Scope.close(scope, Exit.void)
      assertReason(yield* reasonAtOnce(first.write([Uint8Array.of(1)])), "ConnectionLost")
      const aborting = yield* begin(first.abort)
      yield* settle
      assert.isDefined(aborting.pollUnsafe())
      yield* openWith(socket)
      yield* settle
      assert.deepStrictEqual(written, [])
    }).pipe(Effect.scoped))

  it.effect("abort ends the socket abruptly, and does not fail when it has ended", () =>
    Effect.gen(function*() {
      const { failWrites, socket, written } = yield* makeSocket
      const connection = yield* openWith(socket)
      yield* connection.abort
      const [event] = written
      assert.isTrue(Socket.isCloseEvent(event) && event.code > 1000)
      failWrites(socketError(new Socket.SocketWriteError({ cause: new Error("gone") })))
      yield* connection.abort
    }).pipe(Effect.scoped))

  for (
    const [name, reason, message] of [
      ["the peer closes", new Socket.SocketCloseError({ code: 1000 }), "the peer closed it"],
      ["another close code", new Socket.SocketCloseError({ code: 1006 }), "closed with code 1006"],
      ["a failed read", new Socket.SocketReadError({ cause: new Error("read ECONNRESET") }), "read ECONNRESET"]
    ] as const
  ) {
    it.effect(`S18 ${name}: a read that waits fails with ConnectionLost`, () =>
      Effect.gen(function*() {
        const { end, socket } = yield* makeSocket
        const connection = yield* openWith(socket)
        const pull = yield* begin(Effect.flip(connection.pull))
        yield* end(reason)
        const error = yield* Fiber.join(pull)
        assertReason(error.reason, "ConnectionLost")
        assert.include(error.message, message)
        assert.isTrue(error.isRetryable)
      }).pipe(Effect.scoped))
  }

  it.effect("a failed write is ConnectionLost", () =>
    Effect.gen(function*() {
      const { failWrites, socket } = yield* makeSocket
      const connection = yield* openWith(socket)
      failWrites(socketError(new Socket.SocketWriteError({ cause: new Error("write EPIPE") })))
      const error = yield* Effect.flip(connection.write([Uint8Array.of(1)]))
      assertReason(error.reason, "ConnectionLost")
      assert.include(error.message, "write EPIPE")
    }).pipe(Effect.scoped))

  it.effect("an opening that fails is OpenFailed with the endpoint and the cause, unless it is given a name", () =>
    Effect.gen(function*() {
      const cause = new Error("no route")
      const socket = failing(socketError(new Socket.SocketOpenError({ kind: "Unknown", cause })))
      const unnamed = yield* Effect.flip(openWith(socket))
      assert.strictEqual(assertReason(unnamed.reason, "OpenFailed").endpoint, endpoint)
      assert.include(unnamed.message, "no route")
      const causes: Array<unknown> = []
      const named = SocketTransport.fromSocket({
        endpoint,
        socket: Effect.succeed(socket),
        openFailed: (cause) => {
          causes.push(cause)
          return causes.length === 1 ? new PortRefused({ host: "h", port: 1 }) : new OpenFailed({ endpoint, cause })
        }
      })
      assertReason((yield* Effect.flip(named.open)).reason, "PortRefused")
      assert.deepStrictEqual(causes, [cause])
    }).pipe(Effect.scoped))

  it.effect("R151 a text frame ends the connection abruptly, also among others", () =>
    Effect.gen(function*() {
      const { frames, socket, written } = yield* makeSocket
      const connection = yield* openWith(socket)
      yield* frames(Uint8Array.of(1), "a")
      const error = yield* Effect.flip(connection.pull)
      assert.strictEqual(assertReason(error.reason, "WebSocketFailed").problem, "TextFrame")
      assert.isTrue(Socket.isCloseEvent(written[0]) && written[0].code > 1000)
    }).pipe(Effect.scoped))

  it.effect("the first bytes, and no others, may be refused; then nothing of them is handed out", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const refuseFirst = ([byte]: Uint8Array) => {
        seen.push(byte)
        return byte === 0x15 ? new PortRefused({ host: "h", port: 1 }) : undefined
      }
      for (const byte of [0x20, 0x15]) {
        const { frames, socket } = yield* makeSocket
        const { open } = SocketTransport.fromSocket({ endpoint, socket: Effect.succeed(socket), refuseFirst })
        const connection = yield* open
        yield* frames(Uint8Array.of(byte), Uint8Array.of(0x15))
        const exit = yield* Effect.exit(connection.pull)
        assert.strictEqual(Exit.isSuccess(exit), byte === 0x20)
        yield* frames(Uint8Array.of(0x15))
        yield* Effect.exit(connection.pull)
      }
      assert.deepStrictEqual(seen, [0x20, 0x15])
    }).pipe(Effect.scoped))

  it.effect("what an end means may depend on whether anything had come", () =>
    Effect.gen(function*() {
      const ends: Array<boolean> = []
      const connectionLost = ({ cause, hasReceived }: { readonly cause: unknown; readonly hasReceived: boolean }) => {
        ends.push(hasReceived)
        return new OpenFailed({ endpoint, cause })
      }
      for (const count of [0, 1]) {
        const { end, frames, socket } = yield* makeSocket
        const { open } = SocketTransport.fromSocket({ endpoint, socket: Effect.succeed(socket), connectionLost })
        const connection = yield* open
        for (let frame = 0; frame < count; frame++) {
          yield* frames(Uint8Array.of(1))
          yield* connection.pull
        }
        yield* end(new Socket.SocketCloseError({ code: 1000 }))
        assertReason((yield* Effect.flip(connection.pull)).reason, "OpenFailed")
      }
      assert.deepStrictEqual(ends, [false, true])
    }).pipe(Effect.scoped))
})

/** A WebSocket like that of a browser: it takes everything at once, and has no more than a number to tell of it. */
class PassiveWebSocket extends EventTarget {
  readyState: number
  bufferedAmount = 0
  closings: Array<number | undefined> = []
  /** Those of the transport, by their type. */
  readonly listeners: Array<string> = []
  constructor(readyState = 1) {
    super()
    this.readyState = readyState
  }
  override addEventListener(...[type, ...rest]: Parameters<EventTarget["addEventListener"]>): void {
    this.listeners.push(type)
    super.addEventListener(type, ...rest)
  }
  override removeEventListener(...[type, ...rest]: Parameters<EventTarget["removeEventListener"]>): void {
    this.listeners.splice(this.listeners.indexOf(type), 1)
    super.removeEventListener(type, ...rest)
  }
  send(data: string | Uint8Array): void {
    this.bufferedAmount += data.length
  }
  close(code?: number): void {
    this.closings.push(code)
    this.readyState = 2
  }
  receive(data: unknown): void {
    this.dispatchEvent(new MessageEvent("message", { data }))
  }
  say(type: "open" | "error" | "close", details: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(type), details))
  }
}

/** One that stops reading from its network, as `ws` can. */
class PausableWebSocket extends PassiveWebSocket {
  isPaused = true
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
}

const opening = (webSocket: PassiveWebSocket) =>
  SocketTransport.fromWebSocket({
    endpoint,
    webSocket: Effect.succeed(webSocket as unknown as SocketTransport.WebSocketLike),
    maximumUnsent: 100
  }).open

describe("fromWebSocket", () => {
  const openWebSocket = Effect.gen(function*() {
    const webSocket = new PassiveWebSocket()
    return { webSocket, connection: yield* opening(webSocket) }
  })

  it.effect("opens when the WebSocket does, however long that takes", () =>
    Effect.gen(function*() {
      const webSocket = new PassiveWebSocket(0)
      const waiting = yield* begin(opening(webSocket))
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(waiting.pollUnsafe())
      webSocket.readyState = 1
      webSocket.say("open")
      const connection = yield* Fiber.join(waiting)
      yield* connection.write([Uint8Array.of(1)])
      assert.strictEqual(webSocket.bufferedAmount, 1)
      assert.notInclude(webSocket.listeners, "open")
    }).pipe(Effect.scoped))

  for (
    const [name, readyState, say, message] of [
      ["has an error while it opens", 0, "error", "the WebSocket failed"],
      ["closes while it opens", 0, "close", "closed with code 1006"],
      ["is closed already", 3, undefined, "closed with code 1006"]
    ] as const
  ) {
    it.effect(`a WebSocket that ${name} is OpenFailed`, () =>
      Effect.gen(function*() {
        const webSocket = new PassiveWebSocket(readyState)
        const failing = yield* begin(Effect.flip(opening(webSocket)))
        if (say !== undefined) webSocket.say(say)
        const error = yield* Fiber.join(failing)
        assertReason(error.reason, "OpenFailed")
        assert.include(error.message, message)
        assert.notInclude(webSocket.listeners, "open")
      }).pipe(Effect.scoped))
  }

  it.effect("frames wait in their order until they are pulled, and the end behind them", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      const pull = yield* begin(connection.pull)
      webSocket.receive(Uint8Array.of(1).buffer)
      assert.deepStrictEqual(yield* Fiber.join(pull), [Uint8Array.of(1)])
      webSocket.receive(Uint8Array.of(2))
      webSocket.receive(Uint8Array.of(3).buffer)
      webSocket.say("close", { code: 1008, reason: "not you" })
      webSocket.say("error")
      assert.deepStrictEqual(yield* connection.pull, [Uint8Array.of(2), Uint8Array.of(3)])
      const lost = yield* Effect.flip(connection.pull)
      assert.strictEqual(assertReason(lost.reason, "ConnectionLost").cause, "closed with code 1008: not you")
    }).pipe(Effect.scoped))

  it.effect("a pull that was interrupted takes no frame", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      yield* Fiber.interrupt(yield* begin(connection.pull))
      webSocket.receive(Uint8Array.of(1))
      assert.deepStrictEqual(yield* connection.pull, [Uint8Array.of(1)])
    }).pipe(Effect.scoped))

  it.effect("a frame that comes as a Blob is bytes", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      webSocket.receive(new Blob([Uint8Array.of(1)]))
      assert.deepStrictEqual(yield* connection.pull, [Uint8Array.of(1)])
    }).pipe(Effect.scoped))

  it.effect("R151 a text frame ends it at once, also among others", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      webSocket.receive(Uint8Array.of(1))
      webSocket.receive("a")
      const error = yield* Effect.flip(connection.pull)
      assert.strictEqual(assertReason(error.reason, "WebSocketFailed").problem, "TextFrame")
      assert.deepStrictEqual(webSocket.closings, [undefined])
    }).pipe(Effect.scoped))

  it.effect("one that can pause does so when 64 KiB wait, and reads on when they are pulled", () =>
    Effect.gen(function*() {
      const webSocket = new PausableWebSocket()
      const connection = yield* opening(webSocket)
      const states = [webSocket.isPaused]
      for (const size of [65_535, 1]) {
        webSocket.receive(new Uint8Array(size))
        states.push(webSocket.isPaused)
      }
      assert.strictEqual((yield* connection.pull).length, 2)
      assert.deepStrictEqual([...states, webSocket.isPaused], [false, false, true, false])
    }).pipe(Effect.scoped))

  it.effect("S19 with its scope a pull that waits ends, and nothing listens but for a late error", () =>
    Effect.gen(function*() {
      const webSocket = new PassiveWebSocket()
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(opening(webSocket), scope)
      const pull = yield* begin(Effect.flip(connection.pull))
      yield* Scope.close(scope, Exit.void)
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
      assert.deepStrictEqual(webSocket.listeners, ["error"])
      assertReason(yield* reasonAtOnce(connection.write([Uint8Array.of(1)])), "ConnectionLost")
    }))

  it.effect("S19 one that has paused reads on when its scope ends, so that the answer to its close gets through", () =>
    Effect.gen(function*() {
      const webSocket = new PausableWebSocket()
      yield* Effect.scoped(Effect.andThen(
        opening(webSocket),
        Effect.sync(() => {
          webSocket.receive(new Uint8Array(65_536))
          assert.isTrue(webSocket.isPaused)
        })
      ))
      assert.isFalse(webSocket.isPaused)
    }))

  it.effect("a write waits until no more than the bound is unsent", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      yield* connection.write([new Uint8Array(100)])
      const writing = yield* begin(connection.write([new Uint8Array(1)]))
      yield* TestClock.adjust("1 minute")
      assert.isUndefined(writing.pollUnsafe())
      webSocket.bufferedAmount = 100
      yield* TestClock.adjust("50 millis")
      yield* Fiber.join(writing)
    }).pipe(Effect.scoped))

  it.effect("S39 one that waits fails when the WebSocket closes", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      const writing = yield* Effect.forkChild(Effect.flip(connection.write([new Uint8Array(101)])), {
        startImmediately: true
      })
      webSocket.readyState = 3
      yield* TestClock.adjust("50 millis")
      assertReason((yield* Fiber.join(writing)).reason, "ConnectionLost")
    }).pipe(Effect.scoped))

  it.effect("abort closes it without a code, which a browser would not take", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      yield* connection.abort
      assert.deepStrictEqual(webSocket.closings, [undefined])
    }).pipe(Effect.scoped))

  it.effect("an error of it is told without the event, which holds everything", () =>
    Effect.gen(function*() {
      const { connection, webSocket } = yield* openWebSocket
      const pull = yield* begin(Effect.flip(connection.pull))
      webSocket.dispatchEvent(new Event("error"))
      const reason = assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
      assert.instanceOf(reason.cause, Error)
      assert.include(reason.message, "the WebSocket failed")
    }).pipe(Effect.scoped))
})
