/**
 * Docstrings of the main package, for the package for Effect 3: the names of packages, and the examples, which are
 * programs and have to compile. `check.ts` compiles them.
 *
 * @since 0.2.0
 */

/** What programs and sentences say for Effect 4, and for Effect 3. */
const words: ReadonlyArray<readonly [RegExp, string]> = [
  [/\beffect-mqtt\b(?![.-])/g, "effect-mqtt-v3"],
  [/\bConfig\.Redacted\(/g, "Config.redacted("],
  [/\bConfig\.String\(/g, "Config.string("],
  [/\bNodeServices\b/g, "NodeContext"],
  [/\bStream\.provide\b/g, "Stream.provideLayer"],
  [/"effect\/persistence"/g, `"@effect/platform"`],
  [/ \(`SubscriptionRef\.changes`\)/g, " (`changes`)"],
  [/with `"Infinity"` it is never/g, "with `Duration.infinity` it is never"],
  [/`KeyValueStore` of Effect\b/g, "`KeyValueStore` of `@effect/platform`"],
  [/\n \*\n \* Effect marks `effect\/persistence` as unstable\.(?=\n)/g, ""],
  [/^\/\*\*\n \* MQTT 3\.1\.1 and 5\.0 for Effect\./g, "/**\n * MQTT 3.1.1 and 5.0 for Effect 3."],
  [/ Needs `@effect\/platform-node`\./g, ""],
  [/`SocketTransport` adapts those/g, "`fromSocket` adapts those"],
  [/for `MqttConnection` or a client/g, "for a client"],
  [/, and of the connections of `MqttConnection`, that/g, " that"],
  [/ and `BrowserMqttConfig` read it too/g, " reads it too"],
  [/ or `BrowserMqttStore`/g, ""],
  [/ `MqttErrorSchema` has its schema\./g, ""]
]

/** Examples that are written anew, or left out as there is nothing like that in Effect 3. By title. */
const examples: Readonly<Record<string, string | undefined>> = {
  "All that Prometheus wants to know": undefined,
  "Handling one reason": `import { Effect } from "effect"
import { MqttClient, MqttError } from "effect-mqtt-v3"

const program = Effect.gen(function*() {
  const mqtt = yield* MqttClient.MqttClient
  yield* mqtt.publish("site/1/temperature", "21.5", { qos: 1 })
}).pipe(
  MqttError.catchReason("PublishRefused", (reason) => Effect.logWarning(reason.message))
)`
}

/** An example and the empty line before it: the title, and the program with the margin of the comment. */
const example = /(?:\n *\*)?\n *\* \*\*Example\*\* \(([^)]*)\)\n *\*\n *\* ```ts\n([^]*?)\n *\* ```(?=\n)/g

const commented = (lines: string): string => lines.split("\n").map((line) => ` * ${line}`.trimEnd()).join("\n")

/** The examples, with those that are written anew. */
const withExamples = (text: string): string =>
  text.replace(example, (whole, title: string, program: string) => {
    if (!Object.hasOwn(examples, title)) return whole
    const own = examples[title]
    return own === undefined ? "" : whole.replace(program, commented(own))
  })

/**
 * The docstring for Effect 3.
 *
 * @since 0.2.0
 * @category conversions
 */
export const docstring = (text: string): string =>
  words.reduce((result, [word, other]) => result.replace(word, other), withExamples(text))

/**
 * The programs of a file's docstrings, by title.
 *
 * @since 0.2.0
 * @category reading
 */
export const programsIn = (text: string): ReadonlyMap<string, string> =>
  new Map([...text.matchAll(example)].map(([, title, program]) => [
    title,
    program.split("\n").map((line) => line.replace(/^ *\* ?/, "")).join("\n")
  ]))
