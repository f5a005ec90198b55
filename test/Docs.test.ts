/**
 * The documentation tells the truth: its links lead somewhere, its errors are the ones users see, its options and tables
 * are all there is. Its programs and the names in it are `test/docs`.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, type Exit, Layer, Redacted } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import manifest from "../package.json" with { type: "json" }
import { repository } from "../scripts/files.ts"
import { MqttClient, MqttError } from "../src/index.ts"
import { NodeMqtt } from "../src/node/index.ts"
import * as ReasonCode from "../src/protocol/ReasonCode.ts"
import * as Aedes from "./brokers/Aedes.ts"
import { Broker } from "./brokers/Broker.ts"
import * as port from "./brokers/port.ts"
import * as Pages from "./docs/pages.ts"
import { read, rows } from "./docs/pages.ts"
import { reasons } from "./docs/reasons.ts"

const section = (heading: string, page: string): string => {
  const text = Pages.section(heading, read(page))
  assert.isDefined(text, `${page} has "${heading}"`)
  return text
}

/** What `NodeRuntime.runMain` prints first of a failure. */
const firstLine = (exit: Exit.Exit<unknown, MqttError.MqttError>): string => {
  const [error] = exit._tag === "Failure" ? Cause.prettyErrors(exit.cause) : []
  return `${error.name}: ${error.message}`
}

/** What a program sees that publishes one message. */
const publishing = (options: NodeMqtt.Options, topic = "site/1/temperature") =>
  Effect.flatMap(MqttClient.MqttClient, (mqtt) => mqtt.publish(topic, "21.5")).pipe(
    Effect.provide(Layer.fresh(NodeMqtt.layer(options))),
    Effect.exit,
    Effect.map(firstLine)
  )

const onlyAlice = Aedes.layer({
  authenticate: (_client, username, _password, done) =>
    done(username === "alice" ? Object.assign(new Error("wrong"), { returnCode: 4 }) : null, username !== "alice")
})

/** By heading. The README has the usual port where the test has a free one. */
const errors: { readonly [heading: string]: Effect.Effect<string, never, Broker> } = {
  "### Wrong host": publishing({ url: "mqtt://broker.invalid" }),
  "### Refused port": Effect.gen(function*() {
    const unused = yield* port.free
    const message = yield* publishing({ url: `mqtt://localhost:${unused}` })
    return message.replace(`${unused}`, "1883")
  }),
  "### Wrong password": Effect.flatMap(
    Broker,
    (broker) => publishing({ ...broker, protocolVersion: "auto", username: "alice", password: Redacted.make("wrong") })
  ),
  "### Unsupported version": Effect.flatMap(Broker, (broker) => publishing({ ...broker })),
  "### Malformed URL": publishing({ url: "localhost:1883" }),
  "### Invalid topic": Effect.flatMap(
    Broker,
    (broker) => publishing({ ...broker, protocolVersion: "auto" }, "site/+/temperature")
  )
}

describe("docs/errors.md", () => {
  it.layer(onlyAlice, { excludeTestServices: true })((it) => {
    it.effect.each(Object.entries(errors))(
      "the error under \"%s\" is the one a user sees",
      ([heading, error]) =>
        Effect.gen(function*() {
          const shown = Pages.blocks("text", section(heading, "docs/errors.md")).map(({ text }) => text)
          assert.strictEqual(shown.join(""), (yield* error) + "\n")
        })
    )
  })
})

/** The options named in the first column of the table under a heading. */
const optionsIn = (page: string): ReadonlyArray<string> =>
  rows(section("## Options", page)).flatMap(([first]) => [...first.matchAll(/`(\w+)`/g)].map(([, option]) => option))

const optionsOf = (file: string): ReadonlyArray<string> => {
  const [, body] = /^export interface Options .*?\{\n(.*?)^\}/ms.exec(read(file)) ?? []
  return [...body.matchAll(/^ {2}readonly (\w+)\?/gm)].map(([, option]) => option)
}

describe("options", () => {
  const options = [...optionsOf("src/node/internal/options.ts"), ...optionsOf("src/internal/clientOptions.ts")]

  it("docs/connecting.md lists every one, and no other", () => {
    assert.sameMembers([...optionsIn("docs/connecting.md")], options)
  })

  it("the README names only such", () => {
    const named = optionsIn("README.md")
    assert.isNotEmpty(named)
    assert.includeMembers(options, [...named])
  })
})

describe("documentation", () => {
  it.each([...Pages.pages, "CHANGELOG.md"])("%s links only to what is there", (page) => {
    const text = Pages.withoutBlocks(read(page))
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
    for (const [link, target, anchor] of links) {
      const file = target === "" ? page : Path.join(Path.dirname(page), target)
      assert.isTrue(Fs.existsSync(Path.join(repository, file)), `${page}: ${link}`)
      if (anchor !== undefined) assert.include(Pages.anchors(read(file)), anchor, `${page}: ${link}`)
    }
  })

  it("CONTRIBUTING.md has a row for each folder of the tests", () => {
    const table = Pages.tables(read("CONTRIBUTING.md")).find(({ headings }) => headings[0] === "folder of `test`")
    const folders = Fs.readdirSync(Path.join(repository, "test"), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => `\`${name}\``)
    assert.deepStrictEqual(table?.rows.map(([folder]) => folder), folders.toSorted())
  })

  it("has the changes of this version first, and packs them", () => {
    const versions = [...read("CHANGELOG.md").matchAll(/^## (.*)$/gm)].map(([, version]) => version)
    assert.strictEqual(versions[0], manifest.version)
    assert.include(manifest.files, "CHANGELOG.md")
  })

  it("has every page in its list of pages", () => {
    const listed = [...read("docs/README.md").matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, file]) => `docs/${file}`)
    const expected = Pages.pages.filter((page) => page.startsWith("docs/") && page !== "docs/README.md")
    assert.sameMembers(listed, expected)
  })
})

const yesOrNo = (isRetryable: boolean): string => isRetryable ? "yes" : "no"

/** Where the answer depends on the problem, which another page has a table of. */
const linkOfProblem: { readonly [tag: string]: string | undefined } = {
  TlsFailed: "[by its problem](transports.md#when-tls-fails)",
  WebSocketFailed: "[by its problem](transports.md#websocket)",
  StoreFailed: "[by its problem](stores.md#when-a-store-fails)"
}

describe("docs/transports.md", () => {
  const rowsUnder = (heading: string) =>
    rows(section(heading, "docs/transports.md")).map(([first, , last]) => [first, last])

  it("says of every problem with TLS whether it is retryable", () => {
    assert.deepStrictEqual(
      rowsUnder("### When TLS fails"),
      reasons.TlsFailed.map(({ isRetryable, problem }) => [`\`${problem}\``, yesOrNo(isRetryable)])
    )
  })

  it("says of every problem with a WebSocket whether it is retryable", () => {
    const documented = rowsUnder("## WebSocket").filter(([, last]) => /^(yes|no)$/.test(last))
    const expected = reasons.WebSocketFailed.filter(({ problem }) => problem !== "UpgradeRefused")
      .map(({ isRetryable, problem }) => [`\`${problem}\``, yesOrNo(isRetryable)])
    assert.deepStrictEqual(documented, expected)
  })
})

describe("docs/recovery.md", () => {
  const table = rows(section("## What is tried again", "docs/recovery.md"))

  it("says of every reason whether it is retryable", () => {
    const documented = table.filter(([first]) => first.startsWith("`")).map(([tag, , retryable]) => [tag, retryable])
    const expected = Object.entries(reasons).map(([tag, samples]) => {
      const answers = new Set(samples.map(({ isRetryable }) => yesOrNo(isRetryable)))
      const byItself = linkOfProblem[tag] ?? "by its code"
      return [`\`${tag}\``, answers.size === 1 ? [...answers][0] : byItself]
    })
    assert.sameDeepMembers(documented, expected)
  })

  it("says of every Reason Code that refuses or ends a connection whether it is retryable", () => {
    const expected: Array<ReadonlyArray<string>> = []
    for (let code = 0x80; code <= 0xff; code++) {
      const packets = (["Connack", "Disconnect"] as const).filter((type) => ReasonCode.isAllowedIn(code, type, "5.0"))
      if (packets.length === 0) continue
      expected.push([
        `0x${code.toString(16)}`,
        ReasonCode.nameOf(code),
        packets.map((type) => type.toUpperCase()).join(", "),
        yesOrNo(ReasonCode.isRetryable(code))
      ])
    }
    assert.deepStrictEqual(table.filter(([first]) => first.startsWith("0x")), expected)
  })

  it("a goodbye of the server is no reason to stay away", () => {
    assert.isTrue(new MqttError.ServerDisconnected({ reasonCode: 0x00 }).isRetryable)
  })
})
