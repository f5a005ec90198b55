/**
 * The client's side of the protocol: requests go out, answers come to a topic of this client, and `send` of a request
 * lasts as long as its call, so that a call whose server is lost fails.
 */
import { chunksOf } from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcMessage from "effect/rpc/RpcMessage"
import { RpcSerialization } from "effect/rpc/RpcSerialization"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { MqttClient } from "../../MqttClient.ts"
import type { MqttError } from "../../MqttError.ts"
import type { MqttMessage } from "../../MqttMessage.ts"
import { Body } from "./body.ts"
import { type Call, ClientCalls, type Patience, type Server } from "./clientCalls.ts"
import * as Envelope from "./envelope.ts"
import * as Failure from "./failure.ts"
import type { ResolvedClient } from "./options.ts"
import * as Publishing from "./publishing.ts"
import * as Topics from "./topics.ts"

/** PUBACK and PUBREC: the server accepted the message, but nobody subscribes. MQTT 5.0 section 3.4.2.1. */
const noMatchingSubscribers = 0x10

/** Milliseconds between ticks: a wait lasts at most a sixth too long. */
const tickOf = ({ acceptTimeout, lease }: ResolvedClient): number => Math.max(1, Math.min(acceptTimeout, lease) / 6)

const patienceOf = (options: ResolvedClient): Patience => {
  const lease = Math.ceil(options.lease / tickOf(options))
  return {
    accept: Math.ceil(options.acceptTimeout / tickOf(options)),
    lease,
    alive: Math.max(1, Math.floor(lease / 3))
  }
}

export const make = Effect.fnUntraced(function*(
  options: ResolvedClient
): Effect.fn.Return<RpcClient.Protocol["Service"], MqttError, MqttClient | RpcSerialization | Scope.Scope> {
  const mqtt = yield* MqttClient
  const body = new Body(yield* RpcSerialization)
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const client = Topics.makeInstance()
  const answerTopic = options.answerTopic ?? Topics.client(options.prefix, yield* Topics.ownLevel(mqtt))
  const requestTopic = Topics.request(options.prefix)

  const toServer = ({ level }: Server, header: Envelope.ToServer) =>
    Publishing.control(mqtt, Topics.server(options.prefix, level), () => Envelope.encode(header))

  return yield* RpcClient.Protocol.make(Effect.fnUntraced(function*(write) {
    const calls = new ClientCalls({
      body,
      scope,
      patience: patienceOf(options),
      write,
      interrupt: (server, calls) => toServer(server, { _tag: "Interrupt", client, server: server.instance, calls }),
      acknowledge: (server, { acknowledged, number }) =>
        toServer(server, { _tag: "Ack", client, server: server.instance, call: number, chunk: acknowledged }),
      tellAlive: (server) =>
        Effect.forEach(
          chunksOf(Array.from(server.calls, ({ number }) => number), Envelope.callsPerMessage),
          (calls, index) =>
            toServer(server, {
              _tag: "Alive",
              client,
              server: server.instance,
              answerTopic,
              calls,
              isFirst: index === 0
            }),
          { discard: true }
        )
    })

    const answers = yield* mqtt.subscribe(answerTopic, { qos: 1 })
    yield* Stream.runForEach(answers, receiving(calls, client)).pipe(
      Effect.onExit((exit) =>
        Effect.sync(() => calls.close(Failure.make("Closed", "The MQTT client of the call was closed", causeOf(exit))))
      ),
      Effect.ignore,
      Effect.forkScoped({ startImmediately: true })
    )
    yield* Effect.forkScoped(Effect.forever(Effect.delay(calls.tick(), tickOf(options))))

    const publish = (call: Call, request: RpcMessage.RequestEncoded): Effect.Effect<never, RpcClientError> => {
      const header: Envelope.ToServer = {
        _tag: "Request",
        client,
        call: call.number,
        answerTopic,
        contentType: body.contentType,
        lease: Math.ceil(options.lease),
        deadline: clock.currentTimeMillisUnsafe() + options.acceptTimeout
      }
      return mqtt.publish(requestTopic, Envelope.encode(header, body.encode(request)), { qos: options.qos }).pipe(
        Effect.mapError((error) => Failure.make("NotSent", `The request was not sent: ${error.message}`, error)),
        Effect.flatMap(({ reasonCode }) =>
          reasonCode === noMatchingSubscribers ? Effect.fail(noServer(requestTopic)) : Effect.never
        )
      )
    }

    const request = (clientId: number, message: RpcMessage.RequestEncoded): Effect.Effect<void, RpcClientError> =>
      Effect.suspend(() => {
        if (calls.closedBy !== undefined) return Effect.fail(calls.closedBy)
        const call = calls.open(clientId, message.id)
        return Effect.raceFirst(publish(call, message), Deferred.await(call.ended)).pipe(
          Effect.ensuring(calls.forget(call))
        )
      })

    /** Passes on a message of the program about one of its calls, if the call is open. */
    const about = (
      clientId: number,
      requestId: string | number,
      say: (call: Call) => Effect.Effect<void>
    ): Effect.Effect<void> =>
      Effect.suspend(() => {
        const call = calls.find(clientId, requestId)
        return call === undefined ? Effect.void : say(call)
      })

    return {
      send: (clientId, message) => {
        switch (message._tag) {
          case "Request":
            return request(clientId, message)
          case "Ack":
            return about(clientId, message.requestId, (call) => calls.acknowledge(call))
          case "Interrupt":
            return about(clientId, message.requestId, (call) => calls.forget(call))
          default:
            return Effect.void
        }
      },
      supportsAck: true,
      supportsTransferables: false,
      codecFor: body.codecFor
    }
  }))
})

/** Passes over retained messages, other protocols, and messages for an earlier process with the same topic. */
const receiving = (calls: ClientCalls, client: string) => (message: MqttMessage): Effect.Effect<void> => {
  const envelope = message.retain ? undefined : Envelope.decodeToClient(message.payload)
  if (envelope === undefined || envelope.header.client !== client) return Effect.void
  return calls.received(envelope).pipe(
    Effect.catchCause((cause) => Effect.logError("An answer of an RPC server could not be handled", cause))
  )
}

const causeOf = (exit: Exit.Exit<unknown, MqttError>): MqttError | undefined => {
  const failure = Exit.getCause(exit)
  return failure._tag === "None" ? undefined : failure.value.reasons.find((reason) => reason._tag === "Fail")?.error
}

const noServer = (topic: string): RpcClientError =>
  Failure.make(
    "NoServer",
    `Nobody subscribes to "${topic}", so no server can take the call; start one with this \`prefix\``
  )
