/**
 * The documentation tells the truth: its programs type-check, its links lead somewhere, its errors are the ones users
 * see, its options and tables are all there is.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, type Exit, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { MqttClient, MqttError } from "../src/index.ts"
import { NodeMqtt } from "../src/node/index.ts"
import * as ReasonCode from "../src/protocol/ReasonCode.ts"
import * as Aedes from "./brokers/Aedes.ts"
import { Broker } from "./brokers/Broker.ts"
import * as port from "./brokers/port.ts"

const repository = Path.dirname(import.meta.dirname)
const read = (file: string): string => Fs.readFileSync(Path.join(repository, file), "utf8")
const readme = read("README.md")

/** Everything that is written for users and has programs or links in it. */
const pages = [
  "README.md",
  ...[
    "publishing",
    "subscribing",
    "requests",
    "scaling",
    "requests",
    "scaling",
    "transports",
    "recovery",
    "testing",
    "security",
    "mqtt5"
  ].map((page) => `docs/${page}.md`)
]

const blocks = (language: string, text: string): ReadonlyArray<string> =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, block]) => block)

/** What stands under a heading. */
const section = (heading: string, page = readme): string => {
  const [, text] = page.split(`\n${heading}\n`)
  assert.isDefined(text, heading)
  return text.split(/^#/m)[0]
}

/** Rows of the tables in a text, cell by cell, without their headings. */
const rows = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  [...text.matchAll(/^\|(.*)\|$/gm)]
    .map(([, cells]) => cells.split("|").map((cell) => cell.trim()))
    .filter((_, index, all) => !isRule(all[index]) && (index + 1 === all.length || !isRule(all[index + 1])))

const isRule = (cells: ReadonlyArray<string>): boolean => cells.every((cell) => /^-+$/.test(cell))

/** What GitHub makes of a heading. */
const anchorOf = (heading: string): string =>
  heading.toLowerCase().replace(/[^\p{Letter}\p{Number} _-]/gu, "").replace(/ /g, "-")

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

describe("README", () => {
  it.layer(onlyAlice, { excludeTestServices: true })((it) => {
    it.effect.each(Object.entries(errors))(
      "the error under \"%s\" is the one a user sees",
      ([heading, error]) =>
        Effect.gen(function*() {
          assert.strictEqual(blocks("text", section(heading)).join(""), (yield* error) + "\n")
        })
    )
  })

  it("lists every option, and no other", () => {
    const named = [...section("## Options").matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, option]) => option)
    )
    const optionsOf = (file: string): ReadonlyArray<string> => {
      const [, body] = /^export interface Options .*?\{\n(.*?)^\}/ms.exec(read(file)) ?? []
      return [...body.matchAll(/^ {2}readonly (\w+)\?/gm)].map(([, option]) => option)
    }
    assert.sameMembers(named, [...optionsOf("src/node/NodeMqtt.ts"), ...optionsOf("src/MqttOptions.ts")])
  })
})

describe("documentation", () => {
  it("has only programs that type-check", { timeout: 60_000 }, () => {
    const folder = Path.join(repository, "node_modules", ".cache", "docs")
    Fs.rmSync(folder, { recursive: true, force: true })
    Fs.mkdirSync(folder, { recursive: true })
    const programs = pages.flatMap((page) =>
      blocks("ts", read(page)).map((block, index) => {
        const program = `${Path.basename(page, ".md")}-${index + 1}.ts`
        Fs.writeFileSync(Path.join(folder, program), block)
        return program
      })
    )
    assert.isNotEmpty(programs)
    const source = Path.join(repository, "src")
    Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ type: "module" }))
    Fs.writeFileSync(
      Path.join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: Path.join(repository, "tsconfig.json"),
        compilerOptions: {
          // A program may name what it does not use.
          noUnusedLocals: false,
          paths: {
            "effect-mqtt": [Path.join(source, "index.ts")],
            "effect-mqtt/*": [Path.join(source, "*", "index.ts")]
          }
        },
        include: [],
        files: programs
      })
    )
    const compiler = Path.join(repository, "node_modules", "typescript", "bin", "tsc")
    try {
      execFileSync(process.execPath, [compiler, "--project", folder], { encoding: "utf8", stdio: "pipe" })
    } catch (error) {
      assert.fail(error instanceof Error && "stdout" in error ? String(error.stdout) : String(error))
    }
  })

  it.each(pages)("%s links only to what is there", (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)]
    for (const [link, target, anchor] of links) {
      const file = target === "" ? page : Path.join(Path.dirname(page), target)
      assert.isTrue(Fs.existsSync(Path.join(repository, file)), `${page}: ${link}`)
      if (anchor === undefined) continue
      const anchors = [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading))
      assert.include(anchors, anchor, `${page}: ${link}`)
    }
  })
})

const tlsProblems = MqttError.TlsFailed.fields.problem.literals
const webSocketProblems = MqttError.WebSocketFailed.fields.problem.literals

/** Of every reason one, or two that differ in what decides whether it is retryable. */
const reasons: {
  readonly [Tag in MqttError.MqttErrorReason["_tag"]]: ReadonlyArray<
    Extract<MqttError.MqttErrorReason, { readonly _tag: Tag }>
  >
} = {
  HostNotFound: [new MqttError.HostNotFound({ host: "" })],
  PortRefused: [new MqttError.PortRefused({ host: "", port: 1883 })],
  OpenFailed: [new MqttError.OpenFailed({ endpoint: "", cause: undefined })],
  TlsFailed: tlsProblems.map((problem) => new MqttError.TlsFailed({ host: "", port: 8883, problem })),
  WebSocketFailed: webSocketProblems.map((problem) => new MqttError.WebSocketFailed({ endpoint: "", problem })),
  ConnectTimeout: [
    new MqttError.ConnectTimeout({ timeout: 1, waitingFor: "network" }),
    new MqttError.ConnectTimeout({ timeout: 1, waitingFor: "CONNACK" })
  ],
  ConnectionRefused: [0x80, 0x81].map((reasonCode) => new MqttError.ConnectionRefused({ reasonCode })),
  AuthenticationFailed: [new MqttError.AuthenticationFailed({ method: "", description: "" })],
  UnsupportedProtocolVersion: [new MqttError.UnsupportedProtocolVersion({ protocolVersion: "5.0" })],
  ConnectionLost: [new MqttError.ConnectionLost({ cause: undefined })],
  KeepAliveTimeout: [new MqttError.KeepAliveTimeout({ silentFor: 1 })],
  ResponseTimeout: [new MqttError.ResponseTimeout({ timeout: 1 })],
  PacketTimeout: [new MqttError.PacketTimeout({ timeout: 1 })],
  ServerDisconnected: [0x80, 0x81].map((reasonCode) => new MqttError.ServerDisconnected({ reasonCode })),
  SessionTakenOver: [new MqttError.SessionTakenOver({ clientId: "" })],
  ProtocolViolation: [0x81, 0x82].map((reasonCode) =>
    new MqttError.ProtocolViolation({ label: "", protocolVersion: "5.0", reasonCode, description: "" })
  ),
  InvalidOptions: [new MqttError.InvalidOptions({ option: "", description: "" })],
  InvalidRequest: [new MqttError.InvalidRequest({ field: "", label: "", protocolVersion: "5.0", description: "" })],
  ServerLimit: [new MqttError.ServerLimit({ limit: "Maximum QoS", allowed: 0, requested: 1 })],
  PublishRefused: [0x80, 0x87].map((reasonCode) => new MqttError.PublishRefused({ topic: "", reasonCode })),
  SubscribeRefused: [0x80, 0x87].map((reasonCode) => new MqttError.SubscribeRefused({ topicFilter: "", reasonCode })),
  Overflow: [
    new MqttError.Overflow({ buffer: "outbox", capacity: 1 }),
    new MqttError.Overflow({ buffer: "subscription", capacity: 1 })
  ],
  MessageExpired: [new MqttError.MessageExpired({ topic: "" })],
  Quarantined: [new MqttError.Quarantined({ topic: "", attempts: 1, cause: undefined })],
  RequestTimeout: [new MqttError.RequestTimeout({ topic: "", timeout: 1 })],
  NoResponder: [new MqttError.NoResponder({ topic: "" })],
  Offline: [new MqttError.Offline()],
  Closed: [new MqttError.Closed()]
}

const yesOrNo = (isRetryable: boolean): string => isRetryable ? "yes" : "no"

/** Where the answer depends on the problem, which another page has a table of. */
const linkOfProblem: { readonly [tag: string]: string | undefined } = {
  TlsFailed: "[by its problem](transports.md#when-tls-fails)",
  WebSocketFailed: "[by its problem](transports.md#websocket)"
}

describe("docs/transports.md", () => {
  const rowsUnder = (heading: string) =>
    rows(section(heading, read("docs/transports.md"))).map(([first, , last]) => [first, last])

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
  const tables = rows(section("## What is tried again", read("docs/recovery.md")))

  it("says of every reason whether it is retryable", () => {
    const documented = tables.filter(([first]) => first.startsWith("`")).map(([tag, , retryable]) => [tag, retryable])
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
    assert.deepStrictEqual(tables.filter(([first]) => first.startsWith("0x")), expected)
  })

  it("a goodbye of the server is no reason to stay away", () => {
    assert.isTrue(new MqttError.ServerDisconnected({ reasonCode: 0x00 }).isRetryable)
  })
})
