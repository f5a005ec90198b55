/**
 * Enhanced authentication with effects of Effect 3.
 */
import { assert, it } from "@effect/vitest"
import { Clock, Effect, Layer, Redacted, TestClock } from "effect"
import { MqttAuthentication, MqttClient, MqttError } from "effect-mqtt-v3"
import { MemoryBroker } from "effect-mqtt-v3/testing"

const decode = (data: Uint8Array | undefined): string => new TextDecoder().decode(data)
const encode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A broker that asks a question, and takes the answer that is the question in capitals. */
const asking: MemoryBroker.Options = {
  latency: 0,
  connectDelay: 0,
  exchangeAuthentication: ({ data, round }) => {
    if (round === 1) return { _tag: "Continue", data: encode("question") }
    return decode(data) === "QUESTION"
      ? { _tag: "Success", data: encode("welcome") }
      : { _tag: "Refuse", reasonCode: 0x87 }
  }
}

/** A broker that takes whatever it is given. */
const trusting: MemoryBroker.Options = {
  latency: 0,
  connectDelay: 0,
  exchangeAuthentication: () => ({ _tag: "Success" })
}

const client = (authentication: MqttAuthentication.MqttAuthentication, broker: MemoryBroker.Options) =>
  MqttClient.layer({ clientId: "client", authentication }).pipe(Layer.provideMerge(MemoryBroker.layer(broker)))

const sentData = Effect.gen(function*() {
  const server = yield* MemoryBroker.MemoryBroker
  return (yield* server.received("client")).flatMap((packet) => {
    if (packet._tag !== "Connect" && packet._tag !== "Auth") return []
    const { authenticationData } = packet.properties
    return [`${packet._tag} ${decode(authenticationData)}`]
  })
})

it.scoped("a method of the program answers a challenge, and looks at what came with success", () =>
  Effect.gen(function*() {
    const log: Array<string> = []
    const said = (data: MqttAuthentication.ServerData) => data === undefined ? "" : decode(Redacted.value(data))
    const authentication = MqttAuthentication.make({
      method: "CAPITALS",
      initial: Effect.succeed(Redacted.make("hello")),
      next: (challenge) => Effect.sync(() => Redacted.make(said(challenge).toUpperCase())),
      succeeded: (data) => Effect.sync(() => void log.push(said(data)))
    })
    assert.strictEqual(authentication.method, "CAPITALS")
    const sent = yield* Effect.provide(sentData, client(authentication, asking))
    assert.deepStrictEqual(sent, ["Connect hello", "Auth QUESTION"])
    assert.deepStrictEqual(log, ["welcome"])
  }))

it.scoped("what a step fails with is what the client fails with", () =>
  Effect.gen(function*() {
    const failed = MqttError.fromReason(new MqttError.AuthenticationFailed({ method: "CAPITALS", description: "no" }))
    const authentication = MqttAuthentication.make({ method: "CAPITALS", next: () => Effect.fail(failed) })
    const error = yield* Effect.flip(Layer.build(client(authentication, asking)))
    assert.strictEqual(error, failed)
  }))

it.scoped("a token is obtained again before it expires, on the program's clock", () =>
  Effect.gen(function*() {
    const authentication = MqttAuthentication.token({
      method: "TOKEN",
      token: Effect.map(Clock.currentTimeMillis, (now) => ({
        token: Redacted.make(`at ${now}`),
        expiresAt: new Date(now + 60_000)
      })),
      reauthenticateBefore: "20 seconds"
    })
    yield* Effect.gen(function*() {
      const server = yield* MemoryBroker.MemoryBroker
      yield* TestClock.adjust("39 seconds")
      assert.deepStrictEqual(yield* sentData, ["Connect at 0"])
      yield* TestClock.adjust("1 second")
      yield* server.awaitPacket("client", "Auth")
      assert.deepStrictEqual(yield* sentData, ["Connect at 0", "Auth at 40000"])
    }).pipe(Effect.provide(client(authentication, trusting)))
  }))

it.scoped("SCRAM begins with the nonce that the program gives, and never says the password", () =>
  Effect.gen(function*() {
    const authentication = MqttAuthentication.scramSha256({
      username: "user",
      password: Redacted.make("pencil"),
      nonce: Effect.succeed("rOprNGfwEbeRWgbNEkqO")
    })
    assert.strictEqual(authentication.method, "SCRAM-SHA-256")
    const broker: MemoryBroker.Options = {
      ...trusting,
      exchangeAuthentication: ({ round }) =>
        round === 1
          ? {
            _tag: "Continue",
            data: encode("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
          }
          : { _tag: "Success", data: encode("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") }
    }
    const sent = yield* Effect.provide(sentData, client(authentication, broker))
    assert.deepStrictEqual(sent, [
      "Connect n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
      "Auth c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ])
  }))
