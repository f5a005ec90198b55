/**
 * Every flag that `mosquitto_pub` and `mosquitto_sub` have too. Both programs get the same arguments, and both must
 * behave as the row says.
 */
import { assert, it as test } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { repository } from "../../scripts/files.ts"
import { Broker } from "../brokers/Broker.ts"
import * as Mosquitto from "../brokers/Mosquitto.ts"
import * as MosquittoClients from "../brokers/MosquittoClients.ts"
import * as certificates from "../support/certificates.ts"
import { suiteWith } from "../support/requirements.ts"
import { inProcess, type Options, run } from "./processes.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-mqtt-cli-"))
const logFile = Path.join(folder, "log")
const socket = Path.join(folder, "socket")
process.on("exit", () => Fs.rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: string): string => {
  Fs.writeFileSync(Path.join(folder, name), content)
  return Path.join(folder, name)
}
const ca = file("ca.pem", certificates.ca)
const cert = file("client.pem", certificates.client.cert)
const key = file("client.key", certificates.client.key)
const payload = file("payload", "from a file")
const authorities = Path.join(folder, "authorities")
Fs.mkdirSync(authorities)
Fs.writeFileSync(Path.join(authorities, "ca.pem"), certificates.ca)
// Under the name by which OpenSSL looks for it.
const hash = spawnSync("openssl", ["x509", "-hash", "-noout", "-in", ca], { encoding: "utf8" }).stdout?.trim()
if (hash !== undefined && hash !== "") Fs.writeFileSync(Path.join(authorities, `${hash}.0`), certificates.ca)

const identity = (name: string, { cert, key }: certificates.Identity) => [
  "allow_anonymous true",
  `cafile ${ca}`,
  `certfile ${file(`${name}.pem`, cert)}`,
  `keyfile ${file(`${name}.key`, key)}`
]

const broker: Mosquitto.SuiteOptions = {
  alsoNeeds: [MosquittoClients.requirement],
  configuration: [
    "allow_anonymous true",
    `log_dest file ${logFile}`,
    "log_type all",
    "queue_qos0_messages true",
    `listener 0 ${socket}`,
    "allow_anonymous true"
  ],
  listeners: {
    tls: identity("server", certificates.server),
    mutual: [...identity("server", certificates.server), "require_certificate true", "use_identity_as_username true"],
    wrongHost: identity("wrongHost", certificates.wrongHost),
    users: [`password_file ${file("users", Mosquitto.passwordLine("alice", "secret"))}`]
  }
}

type Ports = (name?: "tls" | "mutual" | "wrongHost" | "users") => string

const places = Effect.gen(function*() {
  const { port } = yield* Broker
  const listeners = yield* Mosquitto.Listeners
  const ports: Ports = (name) => String(name === undefined ? port : listeners.port(name))
  return ports
})

/** Runs mosquitto's program, or ours. */
type Program = (
  command: "pub" | "sub",
  list: ReadonlyArray<string>,
  options?: Options
) => Effect.Effect<{ readonly exitCode: number | null; readonly stdout: string }>

const programs: ReadonlyArray<readonly [name: string, program: Program]> = [
  ["mosquitto", (command, list, options) => run(`mosquitto_${command}`, list, options)],
  ["effect-mqtt", (command, list, options) => inProcess([command, ...list], options)]
]

let count = 0
const fresh = (name: string): string => `${name}-${++count}`

// ---------------------------------------------------------------------------
// Flags of both commands
// ---------------------------------------------------------------------------

interface ConnectionRow {
  readonly flag: string
  /** The arguments besides the topic. `{id}` is a client identifier of its own. */
  readonly args: (ports: Ports) => ReadonlyArray<string>
  /** The expected line in the broker's log. */
  readonly log: RegExp
  readonly hasServer?: true
  readonly hasId?: true
}

const v5 = ["-V", "mqttv5"]

const connectionRows: ReadonlyArray<ConnectionRow> = [
  { flag: "-h", args: (ports) => ["-h", "127.0.0.1", "-p", ports()], hasServer: true, log: / as {id} \(/ },
  { flag: "-p", args: (ports) => ["-p", ports()], hasServer: true, log: / as {id} \(/ },
  {
    flag: "-L",
    args: (ports) => ["-L", `mqtt://alice:secret@127.0.0.1:${ports("users")}/{topic}`],
    hasServer: true,
    log: / as {id} \(.*u'alice'/
  },
  { flag: "--unix", args: () => ["--unix", socket], hasServer: true, log: / as {id} \(/ },
  { flag: "-A", args: () => ["-A", "127.0.0.2", "-h", "127.0.0.1"], log: /from 127\.0\.0\.2(:\d+)? as {id} \(/ },
  { flag: "-i", args: () => [], log: / as {id} \(/ },
  { flag: "-I", args: () => ["-I", "{id}-"], hasId: true, log: / as {id}-\d+ \(/ },
  {
    flag: "-u",
    args: (ports) => ["-p", ports("users"), "-u", "alice", "-P", "secret"],
    hasServer: true,
    log: / as {id} \(.*u'alice'/
  },
  {
    flag: "-P",
    args: (ports) => ["-p", ports("users"), "-P", "secret", "-u", "alice"],
    hasServer: true,
    log: / as {id} \(.*u'alice'/
  },
  { flag: "-k", args: () => ["-k", "7"], log: / as {id} \(.*k7/ },
  { flag: "-V", args: () => ["-V", "mqttv311"], log: / as {id} \(p2/ },
  { flag: "-V", args: () => ["-V", "mqttv5"], log: / as {id} \(p5/ },
  { flag: "-V", args: () => ["-V", "311"], log: / as {id} \(p2/ },
  { flag: "-V", args: () => ["-V", "5"], log: / as {id} \(p5/ },
  { flag: "-c", args: () => ["-c"], log: / as {id} \(p\d, c0/ },
  { flag: "-x", args: () => [...v5, "-c", "-x", "60"], log: / as {id} \(p5, c0/ },
  { flag: "-D", args: () => [...v5, "-D", "connect", "user-property", "a", "b"], log: / as {id} \(p5/ },
  { flag: "--nodelay", args: () => ["--nodelay"], log: / as {id} \(/ },
  { flag: "-d", args: () => ["-d"], log: / as {id} \(/ },
  { flag: "--quiet", args: () => ["--quiet"], log: / as {id} \(/ },
  {
    flag: "--will-topic",
    args: () => ["--will-topic", "will/{id}"],
    log: /Will message specified \(0 bytes\) \(r0, q0\)\.\n.*will\/{id}/
  },
  {
    flag: "--will-payload",
    args: () => ["--will-topic", "will/{id}", "--will-payload", "gone"],
    log: /Will message specified \(4 bytes\)/
  },
  {
    flag: "--will-qos",
    args: () => ["--will-topic", "will/{id}", "--will-payload", "gone", "--will-qos", "2"],
    log: /Will message specified \(4 bytes\) \(r0, q2\)/
  },
  {
    flag: "--will-retain",
    args: () => ["--will-topic", "will/{id}", "--will-payload", "gone", "--will-retain"],
    log: /Will message specified \(4 bytes\) \(r1, q0\)/
  },
  {
    flag: "--cafile",
    args: (ports) => ["-h", "localhost", "-p", ports("tls"), "--cafile", ca],
    hasServer: true,
    log: / as {id} \(/
  },
  {
    flag: "--capath",
    args: (ports) => ["-h", "localhost", "-p", ports("tls"), "--capath", authorities],
    hasServer: true,
    log: / as {id} \(/
  },
  {
    flag: "--cert",
    args: (ports) => ["-h", "localhost", "-p", ports("mutual"), "--cafile", ca, "--cert", cert, "--key", key],
    hasServer: true,
    log: / as {id} \(.*u'client1'/
  },
  {
    flag: "--key",
    args: (ports) => ["-h", "localhost", "-p", ports("mutual"), "--key", key, "--cert", cert, "--cafile", ca],
    hasServer: true,
    log: / as {id} \(.*u'client1'/
  },
  {
    flag: "--keyform",
    args: (
      ports
    ) => ["-h", "localhost", "-p", ports("mutual"), "--cafile", ca, "--cert", cert, "--key", key, "--keyform", "pem"],
    hasServer: true,
    log: / as {id} \(.*u'client1'/
  },
  {
    flag: "--insecure",
    args: (ports) => ["-h", "localhost", "-p", ports("wrongHost"), "--cafile", ca, "--insecure"],
    hasServer: true,
    log: / as {id} \(/
  },
  {
    flag: "--tls-version",
    args: (ports) => ["-h", "localhost", "-p", ports("tls"), "--cafile", ca, "--tls-version", "tlsv1.3"],
    hasServer: true,
    log: / as {id} \(/
  },
  {
    flag: "--tls-alpn",
    args: (ports) => ["-h", "localhost", "-p", ports("tls"), "--cafile", ca, "--tls-alpn", "mqtt"],
    hasServer: true,
    log: / as {id} \(/
  }
]

/** New lines in the broker's log. The broker writes them when it has time. */
const logged = (from: number, pattern: RegExp) =>
  Effect.suspend(() => {
    const log = Fs.readFileSync(logFile, "utf8").slice(from)
    return pattern.test(log) ? Effect.void : Effect.fail(`${pattern} is not in\n${log}`)
  }).pipe(Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 100 }), Effect.orDie)

const checkConnection = Effect.fnUntraced(function*(program: Program, row: ConnectionRow, command: "pub" | "sub") {
  const ports = yield* places
  const id = fresh("id")
  const fill = (text: string) => text.replaceAll("{id}", id).replaceAll("{topic}", `topic/${id}`)
  const args = [
    ...row.args(ports).map(fill),
    ...(row.hasServer ? [] : ["-p", ports()]),
    ...(row.hasId ? [] : ["-i", id]),
    ...(row.flag === "-L" ? [] : ["-t", `topic/${id}`]),
    ...(command === "pub" ? ["-m", "hello", "-q", "1"] : ["-E"])
  ]
  const from = Fs.readFileSync(logFile, "utf8").length
  const { exitCode } = yield* program(command, args)
  assert.strictEqual(exitCode, 0, args.join(" "))
  yield* logged(from, new RegExp(row.log.source.replaceAll("{id}", id)))
})

// ---------------------------------------------------------------------------
// Flags of one command
// ---------------------------------------------------------------------------

interface PublishRow {
  readonly flag: string
  readonly args: ReadonlyArray<string>
  readonly stdin?: string
  /** The expected output of `mosquitto_sub`, one line for each message. */
  readonly expected: ReadonlyArray<string>
  readonly format?: string
}

const publishRows: ReadonlyArray<PublishRow> = [
  { flag: "-t", args: ["-m", "hello"], format: "%t", expected: ["{topic}"] },
  { flag: "-m", args: ["-m", "hello"], expected: ["hello"] },
  { flag: "-m", args: ["-m", "-5"], expected: ["-5"] },
  { flag: "-m", args: ["-m", "--x=1"], expected: ["--x=1"] },
  { flag: "-m", args: ["-m", ""], format: "[%p]", expected: ["[]"] },
  { flag: "-f", args: ["-f", payload], expected: ["from a file"] },
  {
    flag: "-l",
    args: ["-l"],
    stdin: "one\n\ntwo\r\nthree",
    format: "%x",
    expected: ["6f6e65", "", "74776f0d", "7468726565"]
  },
  { flag: "-n", args: ["-n"], format: "%l", expected: ["0"] },
  { flag: "-s", args: ["-s"], stdin: "all\nof it\n", format: "%x", expected: ["616c6c0a6f662069740a"] },
  { flag: "-q", args: ["-m", "hello", "-q", "0"], format: "%q", expected: ["0"] },
  { flag: "-q", args: ["-m", "hello", "-q", "1"], format: "%q", expected: ["1"] },
  { flag: "-q", args: ["-m", "hello", "-q", "2"], format: "%q", expected: ["2"] },
  { flag: "-M", args: ["-l", "-q", "2", "-M", "1"], stdin: "one\ntwo\nthree\n", expected: ["one", "two", "three"] },
  { flag: "--repeat", args: ["-m", "hello", "--repeat", "3"], expected: ["hello", "hello", "hello"] },
  {
    flag: "--repeat-delay",
    args: ["-m", "hello", "--repeat", "2", "--repeat-delay", "0.1"],
    expected: ["hello", "hello"]
  },
  {
    flag: "-D",
    args: [
      ...v5,
      "-m",
      "{}",
      "-D",
      "publish",
      "content-type",
      "application/json",
      "-D",
      "publish",
      "user-property",
      "a",
      "b",
      "-D",
      "publish",
      "user-property",
      "c",
      "-d"
    ],
    format: "%C %P",
    expected: ["application/json a:b c:-d"]
  },
  {
    flag: "-D",
    args: [
      ...v5,
      "-m",
      "x",
      "-D",
      "publish",
      "response-topic",
      "to/me",
      "-D",
      "publish",
      "correlation-data",
      "7",
      "-D",
      "publish",
      "payload-format-indicator",
      "1"
    ],
    format: "%R %D %F",
    expected: ["to/me 7 1"]
  }
]

/** A session that keeps the messages published meanwhile. */
const reader = (
  id: string,
  topic: string,
  port: string
) => ["-V", "mqttv5", "-c", "-i", id, "-p", port, "-q", "2", "-t", topic]

const checkPublish = Effect.fnUntraced(function*(program: Program, row: PublishRow) {
  const port = (yield* places)()
  const id = fresh("reader")
  const topic = `pub/${id}`
  yield* run("mosquitto_sub", [...reader(id, topic, port), "-E"])
  const { exitCode } = yield* program("pub", ["-p", port, "-t", topic, ...row.args], { stdin: row.stdin ?? "" })
  assert.strictEqual(exitCode, 0)
  const list = [...reader(id, topic, port), "-C", String(row.expected.length), "-W", "10", "-F", row.format ?? "%p"]
  const { stdout } = yield* run("mosquitto_sub", list)
  assert.deepStrictEqual(stdout, row.expected.map((line) => `${line.replace("{topic}", topic)}\n`).join(""))
})

interface SubscribeRow {
  readonly flag: string
  readonly args: ReadonlyArray<string>
  /** Topic below the row's own, and arguments of `mosquitto_pub`; retained. */
  readonly given?: ReadonlyArray<readonly [topic: string, ...args: ReadonlyArray<string>]>
  readonly expected?: string
  readonly exitCode?: number
  /** `mosquitto_sub` 2.0.11 does not follow its own manual here. */
  readonly isOurs?: true
}

const two: SubscribeRow["given"] = [["a", "-m", "one"], ["b", "-m", "two"]]
const rich: SubscribeRow["given"] = [[
  "a",
  ...v5,
  "-q",
  "1",
  "-m",
  "{\"x\": \"é\"}",
  "-D",
  "publish",
  "content-type",
  "text/plain",
  "-D",
  "publish",
  "user-property",
  "k",
  "v",
  "-D",
  "publish",
  "user-property",
  "l",
  "w",
  "-D",
  "publish",
  "correlation-data",
  "cd",
  "-D",
  "publish",
  "response-topic",
  "r/t",
  "-D",
  "publish",
  "payload-format-indicator",
  "1"
]]
const formatted = (format: string, expected: string): SubscribeRow => ({
  flag: "-F",
  given: rich,
  args: [...v5, "-q", "1", "-t", "{topic}/a", "-C", "1", "-W", "5", "-F", format],
  expected: `${expected}\n`
})
const end = ["-C", "1", "-W", "5"]

const subscribeRows: ReadonlyArray<SubscribeRow> = [
  { flag: "-t", given: two, args: ["-t", "{topic}/a", ...end], expected: "one\n" },
  { flag: "-t", given: [["b", "-m", "two"]], args: ["-t", "{topic}/a", "-t", "{topic}/b", ...end], expected: "two\n" },
  {
    flag: "-q",
    given: [["a", "-m", "x", "-q", "2"]],
    args: ["-t", "{topic}/a", "-q", "1", "-F", "%q", ...end],
    expected: "1\n"
  },
  { flag: "-C", given: two, args: ["-t", "{topic}/+", "-C", "2", "-W", "5", "-F", "%r"], expected: "1\n1\n" },
  { flag: "-E", given: two, args: ["-t", "{topic}/a", "-E"], expected: "" },
  { flag: "-W", given: two, args: ["-t", "{topic}/a", "-W", "1"], expected: "one\n", exitCode: 27 },
  { flag: "-v", given: two, args: ["-t", "{topic}/a", "-v", ...end], expected: "{topic}/a one\n" },
  { flag: "-N", given: two, args: ["-t", "{topic}/a", "-N", ...end], expected: "one" },
  { flag: "-R", given: two, args: ["-t", "{topic}/a", "-R", "-W", "1"], expected: "", exitCode: 27 },
  { flag: "-v", given: [], args: ["-t", "{topic}/a", "-v", "-W", "1", "--quiet"], expected: "", exitCode: 27 },
  { flag: "-T", given: two, args: ["-t", "{topic}/+", "-T", "{topic}/a", ...end], expected: "two\n" },
  { flag: "--retained-only", given: two, args: ["-t", "{topic}/b", "--retained-only", ...end], expected: "two\n" },
  {
    flag: "--remove-retained",
    given: two,
    args: ["-t", "{topic}/b", "--remove-retained", "-N", "-W", "1"],
    expected: "two",
    exitCode: 27
  },
  {
    flag: "--random-filter",
    given: two,
    isOurs: true,
    args: ["-t", "{topic}/b", "--random-filter", "100", ...end],
    expected: "two\n"
  },
  { flag: "--pretty", given: two, args: ["-t", "{topic}/b", "--pretty", "-F", "%p", ...end], expected: "two\n" },
  formatted("%t|%p|%q|%r|%l|%m|%%", "{topic}/a|{\"x\": \"é\"}|1|1|11|1|%"),
  formatted("%x %X", "7b2278223a2022c3a9227d 7B2278223A2022C3A9227D"),
  formatted("%C|%D|%E|%F|%P|%R|%A", "text/plain|cd||1|k:v l:w|r/t|"),
  formatted(
    "[%12C][%-12C][%.4C][%5l][%-5l][%05l][%9R][%3q]",
    "[  text/plain][text/plain  ][text][   11][11   ][00011][      r/t][1]"
  ),
  formatted("\\\\ \\t \\a \\e \\v \\r \\n\\0.", "\\ \t \u0007 \u001b \u000b \r \n\0.")
]

const checkSubscribe = Effect.fnUntraced(function*(program: Program, row: SubscribeRow) {
  const port = (yield* places)()
  const topic = `sub/${fresh("row")}`
  for (const [below, ...args] of row.given ?? []) {
    yield* run("mosquitto_pub", ["-p", port, "-r", "-t", `${topic}/${below}`, ...args])
  }
  const fill = (text: string) => text.replaceAll("{topic}", topic)
  const { exitCode, stdout } = yield* program("sub", ["-p", port, ...row.args.map(fill)])
  if (row.expected !== undefined) assert.strictEqual(stdout, fill(row.expected))
  assert.strictEqual(exitCode, row.exitCode ?? 0)
})

/** The same JSON without the time of printing. */
const withoutTime = (json: string): unknown => ({ ...JSON.parse(json), tst: "" })

Mosquitto.suite("the command line and mosquitto's", broker, (it) => {
  for (const [name, program] of programs) {
    for (const row of connectionRows) {
      for (const command of ["pub", "sub"] as const) {
        it.effect(`${name} ${command} ${row.flag}: ${row.args(() => "PORT").join(" ")}`, () =>
          checkConnection(program, row, command))
      }
    }
    for (const row of publishRows) {
      it.effect(`${name} pub ${row.args.join(" ")}`, () => checkPublish(program, row))
    }
    for (const row of subscribeRows.filter(({ isOurs }) => isOurs !== true || name === "effect-mqtt")) {
      it.effect(`${name} sub ${row.args.join(" ")}`, () => checkSubscribe(program, row))
    }

    it.effect(`${name} pub -r: the server keeps the message`, () =>
      Effect.gen(function*() {
        const port = (yield* places)()
        const topic = fresh("retained")
        yield* program("pub", ["-p", port, "-t", topic, "-m", "kept", "-r"])
        const { stdout } = yield* run("mosquitto_sub", ["-p", port, "-t", topic, "-C", "1", "-W", "5", "-F", "%r %p"])
        assert.strictEqual(stdout, "1 kept\n")
      }))

    it.effect(`${name} sub -c: what came meanwhile is printed`, () =>
      Effect.gen(function*() {
        const port = (yield* places)()
        const id = fresh("kept")
        const args = ["-p", port, "-c", "-i", id, "-q", "1", "-t", id]
        yield* program("sub", [...args, "-E"])
        yield* run("mosquitto_pub", ["-p", port, "-t", id, "-q", "1", "-l"], { stdin: "one\ntwo\n" })
        const { stdout } = yield* program("sub", [...args, "-C", "2", "-W", "10"])
        assert.strictEqual(stdout, "one\ntwo\n")
      }))

    it.effect(`${name} sub --remove-retained: it is gone`, () =>
      Effect.gen(function*() {
        const port = (yield* places)()
        const topic = fresh("removed")
        yield* run("mosquitto_pub", ["-p", port, "-t", topic, "-m", "kept", "-r"])
        yield* program("sub", ["-p", port, "-t", topic, "--remove-retained", "-W", "1"])
        const { exitCode, stdout } = yield* run("mosquitto_sub", ["-p", port, "-t", topic, "-W", "1"])
        assert.deepStrictEqual([exitCode, stdout], [27, ""])
      }))
  }

  for (const format of ["%j", "%J"]) {
    for (const given of [rich, two]) {
      it.effect(`sub -F ${format} prints the JSON that mosquitto_sub prints`, () =>
        Effect.gen(function*() {
          const port = (yield* places)()
          const topic = `json/${fresh("row")}`
          const [[, ...args]] = given ?? []
          const payload = given === two && format === "%J" ? ["-m", "[1, 2]"] : args
          yield* run("mosquitto_pub", ["-p", port, "-r", "-t", topic, ...payload])
          const list = ["-p", port, "-V", "mqttv5", "-q", "1", "-t", topic, "-F", format, ...end]
          const outputs = yield* Effect.forEach(programs, ([, program]) => program("sub", list))
          const [theirs, ours] = outputs.map(({ stdout }) => withoutTime(stdout))
          assert.deepStrictEqual(ours, theirs)
        }))
    }
  }
})

suiteWith([MosquittoClients.requirement], "the flags of mosquitto's clients", () => {
  const helpOf = (command: string): ReadonlyArray<string> =>
    [...spawnSync(command, ["--help"], { encoding: "utf8" }).stdout.matchAll(/^ (-[A-Za-z]|--[a-z0-9-]+) :/gm)]
      .map(([, flag]) => flag)
  const documented = Fs.readFileSync(Path.join(repository, "docs", "cli.md"), "utf8").split("\n")
    .filter((row) => row.startsWith("| `-"))
  const missing = documented.filter((row) => row.includes("| not there")).flatMap((row) =>
    [...row.matchAll(/`(-[^`]+)`/g)].map(([, flag]) => flag)
  )
  const common = connectionRows.map(({ flag }) => flag)
  const tested = {
    mosquitto_pub: [...common, "-r", ...publishRows.map(({ flag }) => flag)],
    mosquitto_sub: [...common, ...subscribeRows.map(({ flag }) => flag)]
  }
  // The first prints its own text, and the second trusts the machine's own authorities.
  const elsewhere = ["--help", "--tls-use-os-certs"]

  for (const [command, flags] of Object.entries(tested)) {
    test(`${command}: each is tested here, or docs/cli.md says that it is not there`, () => {
      const left = helpOf(command).filter((flag) => ![...flags, ...missing, ...elsewhere].includes(flag))
      assert.deepStrictEqual(left, [])
    })

    test(`${command}: docs/cli.md has a row for each`, () => {
      const left = helpOf(command).filter((flag) => !documented.some((row) => row.includes(`\`${flag}\``)))
      assert.deepStrictEqual(left, [])
    })
  }
})
