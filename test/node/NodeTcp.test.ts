import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Queue, Scope } from "effect"
import * as Net from "node:net"
import * as MqttConnection from "../../src/MqttConnection.ts"
import { MqttTransport } from "../../src/MqttTransport.ts"
import * as NodeTcp from "../../src/node/NodeTcp.ts"
import { assertReason } from "../support/reasons.ts"
import { begin } from "../support/time.ts"

const host = "127.0.0.1"

/** More than the buffers of a loopback connection hold, so that it waits for a reader. */
const moreThanBuffers = 64_000_000

interface Accepted {
  readonly socket: Net.Socket
  /** All that came, once the client has ended. */
  readonly received: Effect.Effect<Buffer>
}

const accept = (socket: Net.Socket): Accepted => {
  const chunks: Array<Buffer> = []
  const ended = Deferred.makeUnsafe<Buffer>()
  socket.on("data", (chunk) => chunks.push(chunk))
  // A client that is cut may reset the connection.
  socket.on("error", () => {})
  socket.on("close", () => Deferred.doneUnsafe(ended, Exit.succeed(Buffer.concat(chunks))))
  return { socket, received: Deferred.await(ended) }
}

/** A server on a free loopback port. */
const listen = Effect.gen(function*() {
  const connections = yield* Queue.unbounded<Accepted>()
  const sockets = new Set<Net.Socket>()
  const server = yield* Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer((socket) => {
        sockets.add(socket)
        Queue.offerUnsafe(connections, accept(socket))
      })
      server.listen(0, host, () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.callback<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { port, accepted: Queue.take(connections) }
})

/** A port that nobody listens on. */
const freePort = Effect.map(Effect.scoped(listen), ({ port }) => port)

/** The text that has come so far, at least this. */
const receives = (connection: { readonly pull: Effect.Effect<ReadonlyArray<Uint8Array>, unknown> }, text: string) =>
  Effect.gen(function*() {
    let received = ""
    while (received.length < text.length) {
      for (const chunk of yield* connection.pull) received += new TextDecoder().decode(chunk)
    }
    assert.strictEqual(received, text)
  })

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe("NodeTcp", () => {
  it.live("bytes go through both ways; the end of the scope closes it after what was written", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const transport = NodeTcp.make({ host, port })
      assert.strictEqual(transport.endpoint, `mqtt://127.0.0.1:${port}`)
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(transport.open, scope)
      const { received, socket } = yield* accepted
      socket.write("hello")
      yield* receives(connection, "hello")
      yield* connection.write([bytes("a"), bytes("b")])
      const long = "c".repeat(1_000_000)
      yield* connection.write([bytes(long)])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* received).toString(), `ab${long}`)
    }).pipe(Effect.scoped))

  it.live("the end of the scope lets leave what the network had not taken yet", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(NodeTcp.make({ host, port, drainTimeout: "20 seconds" }).open, scope)
      const { received } = yield* accepted
      yield* begin(connection.write([new Uint8Array(moreThanBuffers)]))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* received).length, moreThanBuffers)
    }).pipe(Effect.scoped))

  it.live("S18 the peer closes while a read waits", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const connection = yield* NodeTcp.make({ host, port }).open
      const { socket } = yield* accepted
      const pull = yield* begin(Effect.flip(connection.pull))
      socket.end()
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
    }).pipe(Effect.scoped))

  it.live("S18 the peer resets the connection while a read waits", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const connection = yield* NodeTcp.make({ host, port }).open
      const { socket } = yield* accepted
      const pull = yield* begin(Effect.flip(connection.pull))
      socket.resetAndDestroy()
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
    }).pipe(Effect.scoped))

  it.live("S19 after a local close reading and writing fail at once", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(NodeTcp.make({ host, port }).open, scope)
      yield* accepted
      const pull = yield* begin(Effect.flip(connection.pull))
      yield* Scope.close(scope, Exit.void)
      assertReason((yield* Fiber.join(pull)).reason, "ConnectionLost")
      assertReason((yield* Effect.flip(connection.write([bytes("late")]))).reason, "ConnectionLost")
      yield* connection.abort
    }).pipe(Effect.scoped))

  it.live("S39 a peer that does not read: the end of the scope cuts it when the drain timeout is over", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const scope = yield* Scope.make()
      const connection = yield* Scope.provide(NodeTcp.make({ host, port, drainTimeout: "20 millis" }).open, scope)
      const { received, socket } = yield* accepted
      socket.pause()
      const stuck = yield* begin(Effect.flip(connection.write([new Uint8Array(moreThanBuffers)])))
      yield* Scope.close(scope, Exit.void)
      assertReason((yield* Fiber.join(stuck)).reason, "ConnectionLost")
      socket.resume()
      yield* received
    }).pipe(Effect.scoped))

  it.live("abort ends it at once, and no byte of it reaches the next connection", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const transport = NodeTcp.make({ host, port })
      const first = yield* transport.open
      const one = yield* accepted
      one.socket.pause()
      const stuck = yield* begin(Effect.flip(first.write([new Uint8Array(moreThanBuffers).fill(1)])))
      yield* first.abort
      assertReason((yield* Fiber.join(stuck)).reason, "ConnectionLost")
      assertReason((yield* Effect.flip(first.pull)).reason, "ConnectionLost")
      const scope = yield* Scope.make()
      const second = yield* Scope.provide(transport.open, scope)
      const two = yield* accepted
      yield* second.write([bytes("of the second")])
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* two.received).toString(), "of the second")
    }).pipe(Effect.scoped))

  describe("S23 what cannot be opened", () => {
    it.live("a port that nobody listens on is PortRefused", () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const error = yield* Effect.flip(NodeTcp.make({ host, port }).open)
        const reason = assertReason(error.reason, "PortRefused")
        assert.deepStrictEqual([reason.host, reason.port], [host, port])
        assert.isTrue(error.isRetryable)
      }).pipe(Effect.scoped))

    it.live("so is one that is refused on each of several addresses", () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const addresses = [{ address: host, family: 4 }, { address: "127.0.0.1", family: 4 }]
        const error = yield* Effect.flip(
          NodeTcp.make({ host: "several.test", port, lookup: (_name, _options, back) => back(null, addresses) }).open
        )
        assert.strictEqual(assertReason(error.reason, "PortRefused").host, "several.test")
      }).pipe(Effect.scoped))

    it.live("a name that leads nowhere is HostNotFound", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(NodeTcp.make({ host: "no-such-host.invalid" }).open)
        assert.strictEqual(assertReason(error.reason, "HostNotFound").host, "no-such-host.invalid")
        assert.isTrue(error.isRetryable)
      }).pipe(Effect.scoped))

    it.live("anything else is OpenFailed, with the endpoint and the cause", () =>
      Effect.gen(function*() {
        const lookup: Net.LookupFunction = (_name, _options, back) =>
          back(Object.assign(new Error("lookup broke"), { code: "EBROKEN" }), "")
        const error = yield* Effect.flip(NodeTcp.make({ host: "odd.test", port: 5, lookup }).open)
        assert.strictEqual(assertReason(error.reason, "OpenFailed").endpoint, "mqtt://odd.test:5")
        assert.include(error.message, "lookup broke")
      }).pipe(Effect.scoped))

    it.live("an MQTT connection says the same", () =>
      Effect.gen(function*() {
        const port = yield* freePort
        const refused = yield* Effect.flip(MqttConnection.make({})).pipe(Effect.provide(NodeTcp.layer({ host, port })))
        assertReason(refused.reason, "PortRefused")
        const unknown = yield* Effect.flip(MqttConnection.make({})).pipe(
          Effect.provide(NodeTcp.layer({ host: "no-such-host.invalid" }))
        )
        assertReason(unknown.reason, "HostNotFound")
      }).pipe(Effect.scoped))
  })

  it.live("S2 the name is resolved anew for every attempt", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const names: Array<string> = []
      const lookup: Net.LookupFunction = (name, _options, back) => {
        names.push(name)
        if (names.length === 2) return back(Object.assign(new Error("gone"), { code: "ENOTFOUND" }), "")
        back(null, [{ address: host, family: 4 }])
      }
      const transport = NodeTcp.make({ host: "broker.test", port, lookup })
      yield* transport.open
      yield* accepted
      assertReason((yield* Effect.flip(transport.open)).reason, "HostNotFound")
      yield* transport.open
      yield* accepted
      assert.deepStrictEqual(names, ["broker.test", "broker.test", "broker.test"])
    }).pipe(Effect.scoped))

  it.live("S60 an opening that is interrupted while the name is resolved leaves nothing, whatever comes later", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const asked = yield* Deferred.make<() => void>()
      const lookup: Net.LookupFunction = (_name, _options, back) =>
        Deferred.doneUnsafe(asked, Exit.succeed(() => back(null, [{ address: host, family: 4 }])))
      const opening = yield* Effect.forkChild(Effect.scoped(NodeTcp.make({ host: "slow.test", port, lookup }).open))
      const answer = yield* Deferred.await(asked)
      yield* Fiber.interrupt(opening)
      answer()
      // The next connection is the first the server sees.
      const connection = yield* NodeTcp.make({ host, port }).open
      const { socket } = yield* accepted
      socket.write("hello")
      yield* receives(connection, "hello")
    }).pipe(Effect.scoped))

  it.live("an MQTT connection over it, from CONNECT to DISCONNECT", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* listen
      const scope = yield* Scope.make()
      const opening = yield* MqttConnection.make({ protocolVersion: "3.1.1", clientId: "a" }).pipe(
        Scope.provide(scope),
        Effect.provideService(MqttTransport, NodeTcp.make({ host, port })),
        begin
      )
      const { received, socket } = yield* accepted
      socket.write(Uint8Array.of(0x20, 2, 0, 0, 0x30, 3, 0, 1, 0x61))
      const connection = yield* Fiber.join(opening)
      const [packet] = yield* connection.pull
      assert.strictEqual(packet._tag, "Publish")
      yield* Scope.close(scope, Exit.void)
      const sent = yield* received
      assert.strictEqual(sent[0] >> 4, 1)
      assert.deepStrictEqual([...sent.subarray(-2)], [0xe0, 0])
    }).pipe(Effect.scoped))
})
