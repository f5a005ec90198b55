/**
 * Where `/mqtt` leads from pages without an address of their own, and the client's errors about a server to which its
 * page may not connect, in every browser there is.
 */
import { NodeWS } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import type * as Http from "node:http"
import type * as puppeteer from "puppeteer-core"
import * as Encoder from "../../src/protocol/Encoder.ts"
import { none } from "../../src/protocol/Properties.ts"
import * as certificates from "../support/certificates.ts"
import { suiteWith } from "../support/requirements.ts"
import type { AddressPage, Outcome, Place } from "./AddressPage.ts"
import * as Puppeteer from "./Puppeteer.ts"
import * as Site from "./Site.ts"

const rounds = Number(process.env.MQTT_ROUNDS ?? 1)
const timeout = 120_000 + rounds * 60_000

declare const addressPage: AddressPage

const connack = Encoder.toBytes({ _tag: "Connack", sessionPresent: false, reasonCode: 0, properties: none }, {
  protocolVersion: "5.0",
  sender: "server"
}) as Uint8Array

/** A server for MQTT beside the pages, at `/mqtt` only. It accepts everybody. */
const beside = (server: Http.Server): void => {
  new NodeWS.WebSocketServer({ server, path: "/mqtt" }).on(
    "connection",
    (webSocket) => webSocket.once("message", () => webSocket.send(connack))
  )
}

const asked = (page: puppeteer.Page, place: Place, url: string): Effect.Effect<Outcome> =>
  Effect.promise(() => page.evaluate((place, url) => addressPage.ask(place, { url }), place, url)).pipe(
    Effect.timeout("20 seconds"),
    Effect.mapError((error) => new Error(`${place}, ${url}`, { cause: error })),
    Effect.orDie
  )

/** The tag and the problem of each round. */
const named = ({ problem, tag }: Outcome): string => `${tag} ${problem}`

const withAddress: ReadonlyArray<Place> = [
  "page",
  "srcdoc frame",
  "srcdoc frame in a sandbox",
  "blob: frame",
  "worker",
  "blob: worker"
]

for (const { layer, name, requirement } of Puppeteer.kinds) {
  suiteWith([requirement], `the server of a page in ${name}`, () => {
    it.layer(layer, { excludeTestServices: true, timeout })((it) => {
      it.effect(
        "a path leads to the server that the page came from, or that of the page which made it",
        () =>
          Effect.gen(function*() {
            // A sandbox without an origin may load the script all the same.
            const headers = { "access-control-allow-origin": "*" }
            const site = yield* Site.builtModule("AddressPage.ts", { headers, onServer: beside })
            for (let round = 0; round < rounds; round++) {
              for (const place of withAddress) {
                yield* Effect.scoped(Effect.gen(function*() {
                  const page = yield* Puppeteer.open(site.url)
                  assert.deepStrictEqual(yield* asked(page, place, "/mqtt"), { connected: true }, place)
                }))
              }
            }
          }).pipe(Effect.scoped),
        timeout
      )

      it.effect("where nobody can know it, the error says what to write", () =>
        Effect.gen(function*() {
          const site = yield* Site.builtModule("AddressPage.ts")
          const page = yield* Puppeteer.open(site.url)
          for (let round = 0; round < rounds; round++) {
            const { message, tag } = yield* asked(page, "data: worker", "/mqtt")
            assert.strictEqual(tag, "InvalidOptions")
            assert.include(message, "`url`")
            assert.include(message, "this page (data:) does not come from a server")
            assert.include(message, "wss://host/path")
          }
        }).pipe(Effect.scoped), timeout)

      for (const place of ["page", "srcdoc frame", "worker", "blob: worker"] as const) {
        it.effect(
          `the Content-Security-Policy of a ${place} is named, and nothing is tried again`,
          () =>
            Effect.gen(function*() {
              const policy = "connect-src 'self'; worker-src 'self' blob:"
              const site = yield* Site.builtModule("AddressPage.ts", {
                headers: { "content-security-policy": policy },
                onServer: beside
              })
              const other = yield* Site.builtModule("AddressPage.ts", { onServer: beside })
              const page = yield* Puppeteer.open(site.url)
              for (let round = 0; round < rounds; round++) {
                const outcome = yield* asked(page, place, `${other.url.replace("http", "ws")}mqtt?signature=secret`)
                assert.strictEqual(named(outcome), "WebSocketFailed ContentSecurityPolicy")
                assert.include(outcome.message, "`connect-src`")
                assert.notInclude(outcome.message, "secret")
                // 'self' has the scheme http: as well; in a frame without an address Firefox takes it for no WebSocket.
                if (place !== "page") continue
                assert.deepStrictEqual(yield* asked(page, place, "/mqtt"), { connected: true })
              }
            }).pipe(Effect.scoped),
          timeout
        )
      }

      for (const place of ["page", "srcdoc frame", "worker", "blob: worker", "data: worker"] as const) {
        it.effect(`ws: from a ${place} of https: is named, and nothing is tried again`, () =>
          Effect.gen(function*() {
            const site = yield* Site.builtModule("AddressPage.ts", { tls: certificates.server, onServer: beside })
            const page = yield* Puppeteer.open(site.url)
            for (let round = 0; round < rounds; round++) {
              const outcome = yield* asked(page, place, "ws://broker.invalid/mqtt?signature=secret")
              assert.strictEqual(named(outcome), "WebSocketFailed MixedContent")
              assert.include(outcome.message, "use wss:")
              assert.notInclude(outcome.message, "secret")
            }
          }).pipe(Effect.scoped), timeout)
      }

      it.effect(
        "a policy that only reports changes nothing, and neither does ws: to this machine from https:",
        () =>
          Effect.gen(function*() {
            const local = yield* Site.builtModule("AddressPage.ts", { onServer: beside })
            const site = yield* Site.builtModule("AddressPage.ts", {
              tls: certificates.server,
              headers: { "content-security-policy-report-only": "connect-src 'self'" }
            })
            const page = yield* Puppeteer.open(site.url)
            for (let round = 0; round < rounds; round++) {
              const outcome = yield* asked(page, "page", `${local.url.replace("http", "ws")}mqtt`)
              assert.deepStrictEqual(outcome, { connected: true })
            }
          }).pipe(Effect.scoped),
        timeout
      )
    })
  })
}
