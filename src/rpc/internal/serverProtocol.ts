/**
 * The server's side of the protocol: requests arrive on the topic that servers share. All other messages about a call
 * arrive on a topic of the server that has taken it.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import { RpcSerialization } from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MqttClient } from "../../MqttClient.ts"
import type { MqttError } from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import { Body } from "./body.ts"
import * as Envelope from "./envelope.ts"
import type { ResolvedServer } from "./options.ts"
import * as Publishing from "./publishing.ts"
import { type Call, ServerCalls } from "./serverCalls.ts"
import * as Topics from "./topics.ts"

/** Milliseconds: leases of clients are counted in them. */
const tick = 1000

export const make = Effect.fnUntraced(function*(
  options: ResolvedServer
): Effect.fn.Return<RpcServer.Protocol["Service"], MqttError, MqttClient | RpcSerialization | Scope.Scope> {
  const mqtt = yield* MqttClient
  const body = new Body(yield* RpcSerialization)
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const disconnects = yield* Queue.unbounded<number>()
  const level = yield* Topics.ownLevel(mqtt)
  const own = { server: Topics.makeInstance(), level }

  return yield* RpcServer.Protocol.make(Effect.fnUntraced(function*(write) {
    const calls = new ServerCalls({
      ...options,
      instance: own.server,
      body,
      scope,
      disconnects,
      tick,
      now: () => clock.currentTimeMillisUnsafe(),
      write,
      tell: ({ answerTopic, instance }, status) =>
        Publishing.control(
          mqtt,
          answerTopic,
          () => Envelope.encode({ _tag: "Status", ...own, client: instance, ...status })
        ),
      refuse: ({ answerTopic, call, client }, description) =>
        Publishing.control(
          mqtt,
          answerTopic,
          () => Envelope.encode({ _tag: "Refused", ...own, client, call, description })
        )
    })

    const requests = Topics.request(options.prefix)
    const shared = options.group === undefined ? requests : `$share/${options.group}/${requests}`
    const messages = yield* mqtt.subscribe([shared, Topics.server(options.prefix, level)], { qos: 2 })
    yield* Effect.forkScoped(Effect.ignore(Stream.runForEach(messages, receiving(calls))))
    yield* Effect.forkScoped(Effect.forever(Effect.delay(calls.tick(), tick)))

    /**
     * Dies if the answer cannot be published, such as for its size: then `RpcServer` sends the client the defect in its
     * place.
     */
    const answer = (
      { client, number }: Call,
      answer: RpcMessage.ResponseExitEncoded | RpcMessage.ResponseChunkEncoded,
      chunk: number
    ) =>
      Effect.orDie(Publishing.send(mqtt, client.answerTopic, () => {
        const to = { ...own, client: client.instance, call: number }
        const header: Envelope.Answer = answer._tag === "Chunk"
          ? { _tag: "Chunk", ...to, chunk }
          : { _tag: "Exit", ...to }
        return Envelope.encode(header, body.encode(answer))
      }))

    const chunk = (call: Call, message: RpcMessage.ResponseChunkEncoded): Effect.Effect<void> =>
      Effect.suspend(() => {
        const number = ++call.chunk
        return Effect.map(answer(call, message, number), () => {
          call.sent = number
          call.isTold = true
        })
      })

    const exit = (call: Call, message: RpcMessage.ResponseExitEncoded): Effect.Effect<void> =>
      Effect.map(answer(call, message, 0), () => calls.answered(call))

    return {
      disconnects,
      send: (id, message) => {
        const call = calls.find(id)
        if (call === undefined || call.isInterrupted) return Effect.void
        switch (message._tag) {
          case "Chunk":
            return chunk(call, message)
          case "Exit":
            return exit(call, message)
          case "Defect":
            return Effect.suspend(() => exit(call, body.exitOf(message.defect, call.requestId)))
          default:
            return Effect.void
        }
      },
      end: (id) => Effect.sync(() => calls.end(id)),
      clientIds: Effect.sync(() => calls.ids),
      initialMessage: Effect.succeedNone,
      supportsAck: true,
      supportsTransferables: false,
      supportsSpanPropagation: true,
      supportsNotifications: false,
      codecFor: body.codecFor
    }
  }))
})

/** Passes over retained messages and other protocols. */
const receiving = (calls: ServerCalls) => (message: MqttMessage): Effect.Effect<void> => {
  const envelope = message.retain ? undefined : Envelope.decodeToServer(message.payload)
  if (envelope === undefined) return Effect.void
  return calls.received(envelope).pipe(
    Effect.catchCause((cause) => Effect.logError("A message of an RPC client could not be handled", cause))
  )
}
