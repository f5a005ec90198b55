/**
 * The README tells the truth: its programs type-check, its errors are the ones users see, its options are all there are.
 */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, type Exit, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { MqttClient, type MqttError } from "../src/index.ts"
import { NodeMqtt } from "../src/node/index.ts"
import * as Aedes from "./brokers/Aedes.ts"
import { Broker } from "./brokers/Broker.ts"
import * as port from "./brokers/port.ts"

const repository = Path.dirname(import.meta.dirname)
const read = (file: string): string => Fs.readFileSync(Path.join(repository, file), "utf8")
const readme = read("README.md")

const blocks = (language: string, text = readme): ReadonlyArray<string> =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(([, block]) => block)

/** What stands under a heading. */
const section = (heading: string): string => {
  const [, text] = readme.split(`\n${heading}\n`)
  assert.isDefined(text, heading)
  return text.split(/^#/m)[0]
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

  it("has only programs that type-check", { timeout: 60_000 }, () => {
    const folder = Path.join(repository, "node_modules", ".cache", "readme")
    Fs.rmSync(folder, { recursive: true, force: true })
    Fs.mkdirSync(folder, { recursive: true })
    const programs = blocks("ts").map((block, index) => {
      Fs.writeFileSync(Path.join(folder, `${index}.ts`), block)
      return `${index}.ts`
    })
    assert.isNotEmpty(programs)
    const source = Path.join(repository, "src")
    Fs.writeFileSync(Path.join(folder, "package.json"), JSON.stringify({ type: "module" }))
    Fs.writeFileSync(
      Path.join(folder, "tsconfig.json"),
      JSON.stringify({
        extends: Path.join(repository, "tsconfig.json"),
        compilerOptions: {
          // A program of the README may name what it does not use.
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
})
