import { assert, describe, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Util from "node:util"
import { ScramServer } from "../examples/support/scramServer.ts"
import * as MqttAuthentication from "../src/MqttAuthentication.ts"
import type * as MqttError from "../src/MqttError.ts"

const data = (text: string) => Redacted.make(new TextEncoder().encode(text))

const text = (secret: MqttAuthentication.Data | undefined): string | undefined => {
  if (secret === undefined) return undefined
  const value = Redacted.value(secret)
  return typeof value === "string" ? value : new TextDecoder().decode(value)
}

const descriptionOf = ({ reason }: MqttError.MqttError): string =>
  reason._tag === "AuthenticationFailed" ? reason.description : reason.message

// RFC 7677 section 3.
const nonce = Effect.succeed("rOprNGfwEbeRWgbNEkqO")
const serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
const salt = "W22ZaJ0SNY7soEsUEjb6gQ=="
const serverFirst = `r=rOprNGfwEbeRWgbNEkqO${serverNonce},s=${salt},i=4096`
const serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

/** An exchange and its steps, which must be there. */
const startScram = Effect.fnUntraced(function*(more?: Partial<MqttAuthentication.ScramOptions>) {
  const authentication = MqttAuthentication.scramSha256({
    username: "user",
    password: Redacted.make("pencil"),
    nonce,
    ...more
  })
  const { initial, next, succeeded } = yield* authentication.start
  if (next === undefined || succeeded === undefined) return yield* Effect.die("steps are missing")
  return { initial, next, succeeded }
})

describe("scramSha256", () => {
  it.effect("R137 says what the example of RFC 7677 says", () =>
    Effect.gen(function*() {
      const { initial, next, succeeded } = yield* startScram()
      assert.strictEqual(text(initial), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
      assert.strictEqual(
        text(yield* next(data(serverFirst))),
        `c=biws,r=rOprNGfwEbeRWgbNEkqO${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`
      )
      yield* succeeded(data(serverFinal))
    }))

  it.effect("R137 a server that proves itself in a challenge of its own is answered with nothing, once", () =>
    Effect.gen(function*() {
      const { next, succeeded } = yield* startScram()
      yield* next(data(serverFirst))
      assert.strictEqual(text(yield* next(data(serverFinal))), "")
      yield* succeeded(undefined)
    }))

  it.effect("R142 a server that does not know the password is found out", () =>
    Effect.gen(function*() {
      const wrong = [
        ["", "the server did not prove itself"],
        ["v=", "the server's signature is wrong"],
        ["v=!", "the server did not prove itself"],
        [serverFinal.replace("6rri", "7rri"), "the server's signature is wrong"],
        ["e=other-error", "the server says: other-error"]
      ] as const
      for (const [message, description] of wrong) {
        const { next, succeeded } = yield* startScram()
        yield* next(data(serverFirst))
        assert.include(descriptionOf(yield* Effect.flip(succeeded(data(message)))), description)
      }
    }))

  it.effect("R142 a server that accepts without asking is not believed", () =>
    Effect.gen(function*() {
      for (const final of [undefined, data(serverFinal)]) {
        const { succeeded } = yield* startScram()
        assert.include(descriptionOf(yield* Effect.flip(succeeded(final))), "did not prove itself")
      }
    }))

  it.effect.each(
    [
      ["nothing", "", "malformed"],
      ["no salt", `r=rOprNGfwEbeRWgbNEkqOx,s=,i=4096`, "malformed"],
      ["a salt that is not base 64", `r=rOprNGfwEbeRWgbNEkqOx,s=*,i=4096`, "malformed"],
      ["an extension that must be understood", `m=x,${serverFirst}`, "malformed"],
      ["another nonce", `r=other,s=${salt},i=4096`, "nonce"],
      ["our nonce and nothing else", `r=rOprNGfwEbeRWgbNEkqO,s=${salt},i=4096`, "nonce"],
      ["too few iterations", serverFirst.replace("4096", "4095"), "4095 iterations"],
      ["more iterations than this machine has time for", serverFirst.replace("4096", "1000001"), "1000001 iterations"],
      ["iterations without end", serverFirst.replace("4096", "9".repeat(40)), "malformed"],
      ["no iterations", serverFirst.replace("4096", "0"), "malformed"],
      ["iterations that are no number", serverFirst.replace("4096", "-4096"), "malformed"]
    ] as const
  )("a hostile challenge: %s", ([, challenge, description]) =>
    Effect.gen(function*() {
      const { next } = yield* startScram()
      assert.include(descriptionOf(yield* Effect.flip(next(data(challenge)))), description)
    }))

  it.effect("the bounds of the iterations are the user's", () =>
    Effect.gen(function*() {
      const { next } = yield* startScram({ minimumIterations: 10, maximumIterations: 20 })
      assert.include(descriptionOf(yield* Effect.flip(next(data(serverFirst)))), "not in 10 to 20")
      assert.isDefined(yield* next(data(serverFirst.replace("4096", "15"))))
    }))

  it.effect("agrees with a server that was written on its own, whatever the name and the password", () =>
    Effect.gen(function*() {
      const accounts = [
        ["a=b,c", "a=3Db=2Cc", "p,=w"],
        // SASLprep of RFC 4013 section 3: soft hyphen to nothing, other spaces to one, compatibility characters.
        ["I\u00adX", "IX", "\u2168"],
        ["e\u0301", "\u00e9", "a\u00a0b"]
      ] as const
      for (const [username, name, password] of accounts) {
        const prepared = { "p,=w": "p,=w", "\u2168": "IX", "a\u00a0b": "a b" }[password]
        const server = new ScramServer({ username: name, password: prepared, salt, iterations: 4096 })
        const { initial, next, succeeded } = yield* startScram({ username, password: Redacted.make(password) })
        const challenge = server.first(text(initial) ?? "")
        const proof = server.final(text(yield* next(data(challenge ?? ""))) ?? "")
        assert.isDefined(proof)
        yield* succeeded(data(proof ?? ""))
      }
    }))

  it.effect("every exchange has a nonce of its own", () =>
    Effect.gen(function*() {
      const authentication = MqttAuthentication.scramSha256({ username: "user", password: Redacted.make("pencil") })
      const nonces = new Set<string | undefined>()
      for (let index = 0; index < 100; index++) nonces.add(text((yield* authentication.start).initial))
      assert.strictEqual(nonces.size, 100)
    }))

  it.effect("shows no secret", () =>
    Effect.gen(function*() {
      const authentication = MqttAuthentication.scramSha256({ username: "user", password: Redacted.make("pencil") })
      const exchange = yield* authentication.start
      const token = MqttAuthentication.token({ method: "T", token: Effect.succeed({ token: Redacted.make("pencil") }) })
      for (const value of [authentication, exchange, token, yield* token.start]) {
        assert.notInclude(Util.inspect(value, { depth: 9, showHidden: true }), "pencil")
        assert.notInclude(JSON.stringify(value), "pencil")
      }
    }))
})

describe("token", () => {
  it.effect("is obtained for every exchange, with its expiry", () =>
    Effect.gen(function*() {
      let count = 0
      const { method, start } = MqttAuthentication.token({
        method: "JWT",
        token: Effect.sync(() => ({ token: Redacted.make(`token ${++count}`), expiresAt: new Date(count * 1000) }))
      })
      assert.strictEqual(method, "JWT")
      for (const number of [1, 2]) {
        const { expiresAt, initial } = yield* start
        assert.strictEqual(text(initial), `token ${number}`)
        assert.strictEqual(expiresAt, number * 1000)
      }
    }))
})
