/**
 * A setting as a test file: the same programs and steps, and what became of the messages as assertions. It uses only
 * packages that a user has.
 */
import * as Address from "./Address.ts"
import type { Fate, Outcome } from "./Outcome.ts"
import { deadTopic, schedules, topic } from "./programs.ts"
import { seed } from "./run.ts"
import type { Record } from "./run.ts"
import { poisonous, scenarioOf } from "./scenarios.ts"
import { type Setting, wordsFor } from "./Setting.ts"
import { duration, type Step, waiting } from "./steps.ts"
import { listed, runsOf, summary } from "./words.ts"

const indented = (lines: ReadonlyArray<string>, levels = 1): ReadonlyArray<string> =>
  lines.map((line) => line === "" ? line : "  ".repeat(levels) + line)

/** Lines of at most 100 characters. */
const wrapped = (text: string, width = 100): ReadonlyArray<string> => {
  const lines = [""]
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1]
    if (line !== "" && line.length + word.length >= width) lines.push(word)
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`
  }
  return lines
}

const bounds = (messages: number, policy: string): string =>
  `{ messages: ${messages}${policy === "suspend" ? "" : `, policy: "${policy}"`} }`

/** The options that differ from the defaults of the client. */
const optionsOf = (setting: Setting): ReadonlyArray<string> => [
  `initialConnection: "retry"`,
  ...setting.version === "5.0" ? [] : [`protocolVersion: "${setting.version}"`],
  ...setting.session === "clean" ? [] : [`session: "${setting.session}"`],
  ...schedules[setting.reconnect].code === undefined ? [] : [`reconnect: ${schedules[setting.reconnect].code}`],
  ...setting.window === 1000 ? [] : [`maxInFlight: ${setting.window}`],
  ...setting.receiveMaximum === 1000 ? [] : [`receiveMaximum: ${setting.receiveMaximum}`],
  ...setting.outbox === 10_000 ? [] : [`outbox: ${bounds(setting.outbox, setting.outboxPolicy)}`],
  ...setting.buffer === 10_000 ? [] : [`buffer: ${bounds(setting.buffer, setting.bufferPolicy)}`]
]

const client = (setting: Setting): ReadonlyArray<string> => [
  "const client = (clientId: string) =>",
  ...indented([
    "MqttClient.layer({",
    ...indented([
      "clientId,",
      ...optionsOf(setting).map((option, index, all) => index === all.length - 1 ? option : `${option},`)
    ]),
    "})"
  ])
]

const handler = ({ handling, scenario }: Setting): ReadonlyArray<string> => {
  const success = "Effect.sync(() => handled.push(message.text))"
  const handled = scenario === "poison"
    ? `message.text === "${poisonous}" ? Effect.fail("poison") : ${success}`
    : success
  const head = "const handle = (message: MqttMessage.MqttMessage) =>"
  if (handling === 0 && scenario !== "poison") return [`${head} ${success}`]
  if (handling === 0) return [head, ...indented([handled])]
  return [head, ...indented(["Effect.andThen(", ...indented([`Effect.sleep(${duration(handling)}),`, handled]), ")"])]
}

/** What `consume` does with a message that its handler cannot process. To stop is the default. */
const failureOptions: { readonly [poison in Setting["poison"]]: ReadonlyArray<string> } = {
  stop: [],
  reject: [`onFailure: "reject"`],
  acknowledge: [`onFailure: "acknowledge"`],
  deadLetter: [
    `attempts: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 2 }))`,
    `deadLetter: "${deadTopic}"`,
    `onFailure: "reject"`
  ]
}

const consumeOptions = ({ handling, poison, qos, scenario }: Setting): ReadonlyArray<string> => [
  `qos: ${qos}`,
  ...handling === 0 ? [] : ["drainTimeout: 0"],
  ...scenario === "poison" ? failureOptions[poison] : []
]

/** An object in one line if it is short, and with a line for each field if not. */
const object = (fields: ReadonlyArray<string>): ReadonlyArray<string> =>
  fields.length <= 3
    ? [`{ ${fields.join(", ")} }`]
    : ["{", ...indented(fields.map((field, index) => index === fields.length - 1 ? field : `${field},`)), "}"]

/** Lines with a text before the first and one after the last. */
const around = (before: string, lines: ReadonlyArray<string>, after: string): ReadonlyArray<string> =>
  lines.map((line, index) => `${index === 0 ? before : ""}${line}${index === lines.length - 1 ? after : ""}`)

const station = (setting: Setting): ReadonlyArray<string> => {
  const isStartedAgain = setting.scenario === "poison" && setting.poison === "stop"
  return [
    `const station = Effect.gen(function*() {`,
    ...indented([
      "const mqtt = yield* MqttClient.MqttClient",
      ...handler(setting),
      ...around(
        `yield* mqtt.consume("${topic}", handle, `,
        object(consumeOptions(setting)),
        isStartedAgain ? `).pipe(Effect.retry(Schedule.spaced("1 second")))` : ")"
      )
    ]),
    `}).pipe(Effect.provide(client("station")))`
  ]
}

const publisher = (setting: Setting): ReadonlyArray<string> => [
  "/** Publishes message after message, and does not wait for the one before. */",
  "const publisher = (name: string, clientId: string) =>",
  ...indented([
    "Effect.gen(function*() {",
    ...indented([
      "const mqtt = yield* MqttClient.MqttClient",
      `for (let number = 1; number <= ${setting.messages}; number++) {`,
      ...indented([
        "const message = `${name} ${number}`",
        "published.push(message)",
        `yield* Effect.flatten(mqtt.publishAsync("${topic}", message, { qos: ${setting.qos} })).pipe(`,
        ...indented(["Effect.catch(() => Effect.sync(() => failed.push(message))),", "Effect.forkScoped"]),
        ")",
        `yield* Effect.sleep(${duration(setting.interval)})`
      ]),
      "}",
      "return yield* Effect.never"
    ]),
    "}).pipe(Effect.scoped, Effect.provide(client(clientId)))"
  ])
]

/** The steps, each with its words as a comment. */
const stepLines = (steps: ReadonlyArray<Step>): ReadonlyArray<string> =>
  steps.flatMap((
    { code, words }
  ) => [...words === undefined ? [] : wrapped(words).map((line) => `// ${line}`), ...code])

const array = (texts: ReadonlyArray<string>): string => {
  const items = runsOf(texts).map(({ first, last, name }) =>
    first === last ? `"${name} ${first}"` : `...numbered("${name}", ${first}, ${last})`
  )
  const [only] = items
  if (items.length === 1 && only.startsWith("...")) return only.slice(3)
  const line = items.join(", ")
  return line.length <= 80 ? `[${line}]` : `[\n${indented(items, 3).join(",\n")}\n    ]`
}

/** Used where a list names many messages. */
const numbered: ReadonlyArray<string> = [
  "/** The messages of a publisher, from one number to another. */",
  "const numbered = (name: string, first: number, last: number) =>",
  "  Array.from({ length: last - first + 1 }, (_, index) => `${name} ${first + index}`)",
  ""
]

const withFate = ({ messages }: Outcome, tag: Fate["_tag"]): ReadonlyArray<string> =>
  messages.filter(({ fate }) => fate._tag === tag).map(({ text }) => text)

const assertions = (record: Record, outcome: Outcome): ReadonlyArray<string> => {
  const { counts } = outcome
  const failed = record.notes.flatMap(({ note }) => note._tag === "PublishFailed" ? [note.message] : [])
  const groups = [
    ["waiting", withFate(outcome, "Waiting")],
    ["putAside", withFate(outcome, "PutAside")],
    ["refused", withFate(outcome, "Failed")],
    ["lost", withFate(outcome, "Lost")]
  ] as const
  const present = groups.filter(([, texts]) => texts.length > 0)
  const { session } = record
  const kept = session === undefined ? 0 : session.queued + session.inflight
  return [
    `assert.strictEqual(published.length, ${counts.published})`,
    `assert.strictEqual(new Set(handled).size, ${counts.handled})`,
    `assert.strictEqual(handled.length - new Set(handled).size, ${counts.repeated}, "repeated")`,
    `assert.sameMembers(failed, ${array(failed)})`,
    ...present.map(([name, texts]) => `const ${name} = ${array(texts)}`),
    "const missing = published.filter((message) => !handled.includes(message))",
    `assert.sameMembers(missing, [${present.map(([name]) => `...${name}`).join(", ")}])`,
    ...counts.putAside === 0 ? [] : [
      `const dead = (yield* broker.messages).filter(({ topic }) => topic === "${deadTopic}")`,
      "assert.deepStrictEqual(dead.map(({ text }) => text), putAside)"
    ],
    ...kept === 0 ? [] : [
      "// The broker keeps messages for the station: queued, or sent and not acknowledged.",
      `const session = yield* broker.session("station")`,
      `assert.deepStrictEqual([session?.queued, session?.inflight], [${session?.queued}, ${session?.inflight}])`
    ]
  ]
}

const services = [
  ["network", "const network = yield* FakeNetwork.FakeNetwork"],
  ["broker", "const broker = yield* MemoryBroker.MemoryBroker"],
  ["store", "const store = yield* MqttStore.makeMemory"]
] as const

/** Import statements for the names that a text uses. */
const imports = (text: string): ReadonlyArray<string> => {
  const used = (names: ReadonlyArray<string>) => names.filter((name) => text.includes(`${name}.`)).join(", ")
  return [
    `import { assert, it } from "@effect/vitest"`,
    `import { ${used(["Effect", "Fiber", "Layer", "Random", "Schedule"])} } from "effect"`,
    `import { ${
      used(["MqttClient", "MqttMessage", "MqttStore"]).replace("MqttMessage", "type MqttMessage")
    } } from "effect-mqtt"`,
    `import { ${used(["FakeNetwork", "MemoryBroker"])} } from "effect-mqtt/testing"`,
    `import { TestClock } from "effect/testing"`
  ]
}

const header = (setting: Setting, outcome: Outcome): ReadonlyArray<string> => [
  "/**",
  ...[
    ...wrapped(`${wordsFor("scenario", setting.scenario)}: ${summary(outcome.counts)}.`),
    ...withFate(outcome, "Lost").length === 0 ? [] : wrapped(`Lost: ${listed(withFate(outcome, "Lost"))}.`),
    "",
    "The playground of effect-mqtt wrote this test. Its address there ends in",
    `?${Address.write(setting)}`
  ].map((line) => line === "" ? " *" : ` * ${line}`),
  " */"
]

/** The text of the test file. */
export const fileOf = (record: Record, outcome: Outcome): string => {
  const { setting } = record
  const { steps, title } = scenarioOf(setting.scenario)
  const body = [...stepLines(steps(setting)), "", ...assertions(record, outcome)]
  const needed = services.filter(([name]) => body.some((line) => new RegExp(`\\b${name}[.)]`).test(line)))
  const test = [
    `it.effect("${title}: ${summary(outcome.counts)}", () =>`,
    ...indented([
      "Effect.gen(function*() {",
      ...indented([...needed.map(([, line]) => line), ...body]),
      `}).pipe(Effect.provide(MemoryBroker.layer()), Random.withSeed("${seed}")))`
    ])
  ]
  const isNumbered = body.some((line) => line.includes("numbered("))
  const program = [
    ...client(setting),
    "",
    "const published: Array<string> = []",
    "const failed: Array<string> = []",
    "const handled: Array<string> = []",
    "",
    ...station(setting),
    "",
    ...publisher(setting),
    "",
    ...waiting,
    "",
    ...isNumbered ? numbered : [],
    ...test
  ]
  return [...header(setting, outcome), ...imports(program.join("\n")), "", ...program, ""].join("\n")
}

/** The name of the file. */
export const nameOf = ({ scenario }: Setting): string => `${scenario}.test.ts`
