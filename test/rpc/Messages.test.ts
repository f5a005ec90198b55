/**
 * The messages of the protocol, one by one: the test plays the other side. Lost messages are sent again, and
 * strange ones do nothing.
 */
import { assert, describe } from "@effect/vitest"
import { Effect, Fiber, Queue, Schema, Stream } from "effect"
import { MqttRpc } from "../../src/rpc/index.ts"
import { type Kit, scenario } from "../support/scenario.ts"
import { begin, complete, settle } from "../support/time.ts"
import * as OverMqtt from "./overMqtt.ts"
import { Probe } from "./service.ts"

const pass = (duration: Parameters<typeof Effect.sleep>[0]) => complete(Effect.sleep(duration))

const Header = Schema.fromJsonString(Schema.StructWithRest(Schema.Struct({ _tag: Schema.String }), [
  Schema.Record(Schema.String, Schema.Unknown)
]))

/** The messages to a topic: headers and bodies. */
const published = ({ broker }: Kit, topic: string) =>
  Effect.map(
    broker.messages,
    (messages) =>
      messages.filter((message) => message.topic === `${OverMqtt.prefix}/${topic}`).map(({ payload }) => {
        const [line = "", body = ""] = new TextDecoder().decode(payload).split("\n")
        return { header: Schema.decodeSync(Header)(line), body }
      })
  )

const say = ({ broker }: Kit, topic: string, header: object, body: object | string = "") =>
  broker.publish(
    `${OverMqtt.prefix}/${topic}`,
    `${JSON.stringify(header)}\n${typeof body === "string" ? body : JSON.stringify(body)}`,
    { qos: 1 }
  )

const tags = (messages: ReadonlyArray<{ readonly header: { readonly _tag: string } }>) =>
  messages.map(({ header }) => header._tag)

describe("a client", () => {
  scenario("ends a stream when its last chunk has been decoded", {}, (kit) =>
    Effect.gen(function*() {
      const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")))
      const numbers = yield* begin(Stream.runCollect(service.SlowCount(undefined)))
      yield* pass("100 millis")
      const [{ body, header: { client } }] = yield* published(kit, "request")
      const requestId: unknown = JSON.parse(body).id
      const from = { client, server: "a", level: "a", call: 0 }
      yield* say(kit, "client/client", { _tag: "Chunk", ...from, chunk: 1 }, { _tag: "Chunk", requestId, values: [5] })
      const exit = { _tag: "Success", value: null }
      yield* say(kit, "client/client", { _tag: "Exit", ...from }, { _tag: "Exit", requestId, exit })
      assert.deepStrictEqual([...yield* complete(Fiber.join(numbers))], [5])
      yield* pass("100 millis")
    }))

  /** A client with two open calls, of an answer and of a stream, that no server has taken. */
  const calling = Effect.fnUntraced(function*(kit: Kit) {
    const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")), { lease: "1 minute" })
    const call = yield* begin(Effect.flip(service.Double({ number: 1 })))
    const queue = yield* begin(service.Endless({ name: "stream" }, { asQueue: true, streamBufferSize: 10 }))
    yield* pass("100 millis")
    const requests = yield* published(kit, "request")
    const { client } = requests[0].header
    const from = (server: string) => ({ client, server, level: server })
    const idOf = (index: number): unknown => JSON.parse(requests[index].body).id
    return {
      call: Effect.map(Fiber.join(call), (error) => MqttRpc.failureOf(error)?.reason),
      isOpen: () => call.pollUnsafe() === undefined,
      queue: yield* Fiber.join(queue),
      /** Says something as this server. */
      as: (server: string) => (header: object, body: object | string = "") =>
        Effect.andThen(say(kit, "client/client", { ...from(server), ...header }, body), pass("100 millis")),
      chunk: (chunk: number) =>
        [{ _tag: "Chunk", call: 1, chunk }, { _tag: "Chunk", requestId: idOf(1), values: [chunk] }] as const,
      heard: (server: string) => published(kit, `server/${server}`)
    }
  })

  scenario("interrupts what a server has and it has not", {}, (kit) =>
    Effect.gen(function*() {
      const { as, heard } = yield* calling(kit)
      yield* as("a")({ _tag: "Status", open: [[0, 0, 0], [7, 0, 0], [8, 3, 3]], gone: [] })
      const [{ header }] = yield* heard("a")
      assert.strictEqual(header._tag, "Interrupt")
      assert.deepStrictEqual(header.calls, [7, 8])
      yield* as("a")({ _tag: "Chunk", call: 9, chunk: 1 })
      assert.deepStrictEqual((yield* heard("a"))[1].header.calls, [9])
    }))

  scenario("says an acknowledgement again if it got lost, and only then", {}, (kit) =>
    Effect.gen(function*() {
      const { as, chunk, heard, queue } = yield* calling(kit)
      yield* as("a")(...chunk(1))
      assert.strictEqual(yield* Queue.take(queue), 1)
      assert.deepStrictEqual(tags(yield* heard("a")), ["Ack"])
      yield* as("a")({ _tag: "Status", open: [[1, 1, 1]], gone: [] })
      assert.deepStrictEqual(tags(yield* heard("a")), ["Ack"])
      yield* as("a")({ _tag: "Status", open: [[1, 1, 0]], gone: [] })
      const acknowledgements = yield* heard("a")
      assert.deepStrictEqual(tags(acknowledgements), ["Ack", "Ack"])
      assert.deepStrictEqual(acknowledgements.map(({ header }) => header.chunk), [1, 1])
    }))

  scenario("hears of an answer that did not arrive", {}, (kit) =>
    Effect.gen(function*() {
      const { as, call, chunk, heard, queue } = yield* calling(kit)
      yield* as("a")({ _tag: "Status", open: [[0, 0, 0]], gone: [] })
      yield* as("a")({ _tag: "Status", open: [], gone: [0] })
      assert.strictEqual(yield* call, "AnswerLost")
      yield* as("a")(...chunk(1))
      yield* as("a")({ _tag: "Status", open: [[1, 2, 1]], gone: [] })
      yield* Queue.take(queue)
      const error = yield* Effect.flip(Queue.take(queue))
      assert.strictEqual(error._tag === "RpcClientError" && MqttRpc.failureOf(error)?.reason, "AnswerLost")
      assert.deepStrictEqual(tags(yield* heard("a")), ["Interrupt", "Ack", "Interrupt"])
    }))

  scenario("takes the chunks of a stream one after another", {}, (kit) =>
    Effect.gen(function*() {
      const { as, chunk, queue } = yield* calling(kit)
      yield* as("a")(...chunk(1))
      yield* as("a")(...chunk(1))
      yield* as("a")(...chunk(2))
      assert.deepStrictEqual(yield* Queue.takeAll(queue), [1, 2])
      yield* as("a")(...chunk(4))
      const error = yield* Effect.flip(Queue.take(queue))
      assert.strictEqual(error._tag === "RpcClientError" && MqttRpc.failureOf(error)?.reason, "AnswerLost")
    }))

  scenario("ends a stream when its last chunk has been taken", {}, (kit) =>
    Effect.gen(function*() {
      const { as, heard, queue } = yield* calling(kit)
      // More than its buffer takes.
      const values = Array.from({ length: 30 }, (_, index) => index)
      yield* as("a")({ _tag: "Chunk", call: 1, chunk: 1 }, { _tag: "Chunk", requestId: 0, values })
      const exit = { _tag: "Success", value: null }
      yield* as("a")({ _tag: "Exit", call: 1 }, { _tag: "Exit", requestId: 0, exit })
      yield* as("a")({ _tag: "Status", open: [], gone: [1] })
      assert.deepStrictEqual(tags(yield* heard("a")), [])
      assert.deepStrictEqual([...yield* Stream.runCollect(Stream.fromQueue(queue))], values)
      yield* pass("100 millis")
    }))

  scenario(
    "leaves a call to the first server that has it, and hears nothing that is for an earlier process",
    {},
    (kit) =>
      Effect.gen(function*() {
        const { as, call, heard, isOpen } = yield* calling(kit)
        yield* as("a")({ _tag: "Status", open: [[0, 0, 0]], gone: [] })
        yield* as("b")({ _tag: "Status", open: [[0, 0, 0]], gone: [] })
        assert.deepStrictEqual(yield* heard("a"), [])
        const [{ header }] = yield* heard("b")
        assert.strictEqual(header._tag, "Interrupt")
        assert.deepStrictEqual(header.calls, [0])
        yield* as("b")({ _tag: "Refused", call: 0, description: "late" })
        yield* as("b")({ _tag: "Exit", call: 0 }, { _tag: "Exit", requestId: 0, exit: { _tag: "Success", value: 7 } })
        yield* as("b")({ _tag: "Status", open: [], gone: [0] })
        yield* as("a")({ _tag: "Refused", client: "earlier", call: 0, description: "late" })
        yield* as("a")({ _tag: "Exit", client: "earlier", call: 0 }, "no JSON")
        assert.isTrue(isOpen())
        yield* as("a")({ _tag: "Exit", call: 0 }, "no JSON")
        assert.strictEqual(yield* call, "Unreadable")
      })
  )

  scenario("hears why a server refuses its call", {}, (kit) =>
    Effect.gen(function*() {
      const { as, call } = yield* calling(kit)
      yield* as("a")({ _tag: "Refused", call: 0, description: "no time" })
      assert.strictEqual(yield* call, "Refused")
    }))

  scenario(
    "says which calls it believes a server to have, in messages of limited size",
    {},
    (kit) =>
      Effect.gen(function*() {
        const service = yield* OverMqtt.use(yield* kit.connect(OverMqtt.persistent("client")), { lease: "6 seconds" })
        yield* begin(Effect.forEach(
          Array.from({ length: 1200 }).keys(),
          (number) => Effect.exit(service.Double({ number })),
          { concurrency: "unbounded" }
        ))
        yield* pass("500 millis")
        const [{ header: { client } }] = yield* published(kit, "request")
        const open = Array.from({ length: 1200 }, (_, number) => [number, 0, 0])
        yield* say(kit, "client/client", { _tag: "Status", client, server: "a", level: "a", open, gone: [] })
        yield* pass("2 seconds")
        const alive = yield* published(kit, "server/a")
        assert.deepStrictEqual(tags(alive), ["Alive", "Alive", "Alive"])
        assert.deepStrictEqual(alive.map(({ header }) => header.isFirst), [true, false, false])
        assert.deepStrictEqual(
          alive.flatMap(({ header }) => header.calls),
          Array.from({ length: 1200 }, (_, number) => number)
        )
      })
  )
})

describe("a server", () => {
  /** A server with an open stream of this test's, of which it has sent the first chunk. */
  const serving = Effect.fnUntraced(function*(kit: Kit, probe: Probe) {
    yield* OverMqtt.serve(yield* kit.connect(OverMqtt.persistent("server")), probe)
    const call = (number: number, tag: string, payload: object) =>
      say(kit, "request", {
        _tag: "Request",
        client: "test",
        call: number,
        answerTopic: `${OverMqtt.prefix}/client/test`,
        contentType: "application/json",
        lease: 60_000,
        deadline: 60_000
      }, { _tag: "Request", id: number, tag, payload, headers: [] })
    yield* call(0, "Endless", { name: "stream" })
    yield* pass("100 millis")
    const heard = published(kit, "client/test")
    const [{ header: { server } }] = yield* heard
    return {
      call,
      heard,
      server,
      say: (header: object) =>
        Effect.andThen(say(kit, "server/server", { client: "test", server, ...header }), pass("100 millis"))
    }
  })

  scenario(
    "goes on with a stream for the acknowledgement of what it has sent, once",
    {},
    (kit) =>
      Effect.gen(function*() {
        const probe = new Probe()
        const { heard, say } = yield* serving(kit, probe)
        assert.deepStrictEqual(tags(yield* heard), ["Chunk"])
        yield* say({ _tag: "Ack", call: 0, chunk: 2 })
        yield* say({ _tag: "Ack", call: 0, chunk: 0 })
        yield* say({ _tag: "Ack", call: 5, chunk: 1 })
        assert.deepStrictEqual(tags(yield* heard), ["Chunk"])
        yield* say({ _tag: "Ack", call: 0, chunk: 1 })
        yield* say({ _tag: "Ack", call: 0, chunk: 1 })
        const chunks = yield* heard
        assert.deepStrictEqual(chunks.map(({ header }) => header.chunk), [1, 2])
      })
  )

  scenario("says which calls it has, and which are gone", {}, (kit) =>
    Effect.gen(function*() {
      const { call, heard, say } = yield* serving(kit, new Probe())
      yield* call(1, "Double", { number: 1 })
      yield* call(2, "Wait", { name: "call" })
      yield* pass("100 millis")
      assert.deepStrictEqual(tags(yield* heard), ["Chunk", "Exit", "Status"])
      assert.deepStrictEqual((yield* heard)[2].header.open, [[2, 0, 0]])
      const answerTopic = `${OverMqtt.prefix}/client/test`
      yield* say({ _tag: "Alive", answerTopic, calls: [0, 1, 2, 3], isFirst: true })
      yield* say({ _tag: "Alive", answerTopic, calls: [2, 4], isFirst: false })
      const [, , , first, second] = yield* heard
      assert.deepStrictEqual([first.header.open, first.header.gone], [[[0, 1, 0], [2, 0, 0]], [1, 3]])
      assert.deepStrictEqual([second.header.open, second.header.gone], [[], [4]])
      yield* say({ _tag: "Alive", answerTopic: "elsewhere", calls: [1], isFirst: true })
      assert.strictEqual((yield* heard).length, 5)
    }))

  scenario("interrupts calls that the client names, and answers nothing to it", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const { call, heard, say } = yield* serving(kit, probe)
      yield* call(1, "Wait", { name: "call" })
      yield* pass("100 millis")
      yield* say({ _tag: "Interrupt", calls: [1, 7] })
      yield* say({ _tag: "Interrupt", calls: [1] })
      yield* settle
      assert.deepStrictEqual(probe.interrupted, ["call"])
      assert.deepStrictEqual(tags(yield* heard), ["Chunk", "Status"])
    }))

  scenario("hears nothing that is for an earlier process under the same topic", {}, (kit) =>
    Effect.gen(function*() {
      const probe = new Probe()
      const { heard, say } = yield* serving(kit, probe)
      yield* say({ _tag: "Interrupt", server: "earlier", calls: [0] })
      yield* say({ _tag: "Ack", server: "earlier", call: 0, chunk: 1 })
      const answerTopic = `${OverMqtt.prefix}/client/test`
      yield* say({ _tag: "Alive", server: "earlier", answerTopic, calls: [0], isFirst: true })
      assert.deepStrictEqual(tags(yield* heard), ["Chunk"])
      assert.deepStrictEqual(probe.interrupted, [])
    }))
})
