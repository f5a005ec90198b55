/**
 * Templates of Topic Names, such as `site/{site}/files/{path...}`: the parameters they have, the topics they match, and
 * the names they make.
 *
 * Parameters are text here; schemas give them their meaning (`parameters.ts`). MQTT 5.0 and 3.1.1, section 4.7.
 */
import * as Result from "effect/Result"
import * as Topic from "../../protocol/Topic.ts"

/** One level of a template. `Multi` stands for several levels, and can only be the last. */
export type Level =
  | { readonly _tag: "Literal"; readonly text: string }
  | { readonly _tag: "Single"; readonly name: string }
  | { readonly _tag: "Multi"; readonly name: string }

export interface Template {
  readonly source: string
  readonly levels: ReadonlyArray<Level>
  readonly topicFilter: string
}

/** The text of a parameter: one level, or several. */
export type Text = string | ReadonlyArray<string>

/** Why a template cannot make a name, or does not match it. `parameter` is the one at fault. */
export interface Mismatch {
  readonly parameter: string | undefined
  readonly description: string
}

/** The name of the payload in a definition. */
const payloadName = "payload"

const placeholder = /^\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}$/

const toLevel = (text: string): Level => {
  const [, name, dots] = placeholder.exec(text) ?? []
  if (name === undefined) return { _tag: "Literal", text }
  return { _tag: dots === undefined ? "Single" : "Multi", name }
}

/** The level of a filter that matches this level: `+` for one, `#` for several. */
const toFilterLevel = (level: Level): string =>
  level._tag === "Literal" ? level.text : level._tag === "Single" ? "+" : "#"

/** In the order of the checks. */
const faults: ReadonlyArray<readonly [isAtFault: (levels: ReadonlyArray<Level>) => boolean, description: string]> = [
  [
    (levels) => levels.some((level) => level._tag === "Literal" && /[{}]/.test(level.text)),
    "has a brace outside a parameter; a parameter is a whole level, {name} with letters, digits and _, or {name...}"
  ],
  [
    (levels) => levels.some((level) => level._tag === "Literal" && Topic.hasWildcard(level.text)),
    "has a wildcard; write {name} for one level, and {name...} for all that follow"
  ],
  [
    (levels) => levels.slice(0, -1).some(({ _tag }) => _tag === "Multi"),
    "has a {name...} that is not the last level; write {name} for one level"
  ],
  [
    (levels) => new Set(namesOf(levels)).size < namesOf(levels).length,
    "names a parameter twice; give each a name of its own"
  ],
  [
    (levels) => namesOf(levels).includes(payloadName),
    `has a parameter with the name "${payloadName}", which means the payload; give it another name`
  ],
  [
    ([first]) => first._tag === "Literal" && first.text === "$share",
    "is a Shared Subscription; leave out $share/<name>/, and use `shared` or the option `share`"
  ]
]

export const namesOf = (levels: ReadonlyArray<Level>): ReadonlyArray<string> =>
  levels.flatMap((level) => level._tag === "Literal" ? [] : [level.name])

/** The template, or a description of its fault. */
export const parse = (source: string): Result.Result<Template, string> => {
  const levels = source.split("/").map(toLevel)
  const topicFilter = levels.map(toFilterLevel).join("/")
  const fault = faults.find(([isAtFault]) => isAtFault(levels))?.[1]
  if (fault !== undefined) return Result.fail(`${JSON.stringify(source)} ${fault}`)
  const invalid = Topic.validateTopicFilter(topicFilter, "5.0")
  return invalid === undefined ? Result.succeed({ source, levels, topicFilter }) : Result.fail(invalid.message)
}

/** A server may end the connection over these: `[MQTT-1.5.4-2]` of 5.0, and the text behind it. */
const disallowed = /[\p{Control}\p{Noncharacter_Code_Point}]/u

/** Why a text from somebody else cannot be a level. Any level but the first may begin with "$". */
const levelFault = (text: string, isFirst: boolean, allowEmpty: boolean): string | undefined => {
  if (text === "") return allowEmpty ? undefined : "The level is empty, which needs the option `allowEmpty`."
  if (disallowed.test(text)) return "It holds a control character or a non-character, which a server may refuse."
  const joined = Topic.join(isFirst ? [text] : ["-", text])
  return typeof joined === "string" ? undefined : joined.message
}

const mismatch = (description: string, parameter?: string): Result.Result<never, Mismatch> =>
  Result.fail({ parameter, description })

/** The fault in the texts of one parameter, if there is one. The first of them is the level at `index`. */
const parameterFault = (
  name: string,
  texts: ReadonlyArray<string>,
  index: number,
  allowEmpty: boolean
): Mismatch | undefined => {
  if (texts.length === 0 && !allowEmpty) {
    return { parameter: name, description: "It has no levels, which needs the option `allowEmpty`." }
  }
  for (const [offset, text] of texts.entries()) {
    const description = levelFault(text, index + offset === 0, allowEmpty)
    if (description !== undefined) return { parameter: name, description }
  }
  return undefined
}

/** The Topic Name with these texts for the parameters. No text can make a name outside the template. */
export const format = (
  { levels }: Template,
  textOf: (name: string) => Text,
  allowEmpty: boolean
): Result.Result<string, Mismatch> => {
  const all: Array<string> = []
  for (const level of levels) {
    if (level._tag === "Literal") {
      all.push(level.text)
      continue
    }
    const text = textOf(level.name)
    const texts = typeof text === "string" ? [text] : text
    const fault = parameterFault(level.name, texts, all.length, allowEmpty)
    if (fault !== undefined) return Result.fail(fault)
    all.push(...texts)
  }
  const topic = all.join("/")
  const invalid = Topic.validateTopicName(topic, "5.0")
  return invalid === undefined ? Result.succeed(topic) : mismatch(invalid.message)
}

/** The texts of the parameters in a Topic Name, by their names. A name that `format` would not make does not match. */
export const match = (
  { levels, source }: Template,
  topic: string,
  allowEmpty: boolean
): Result.Result<ReadonlyMap<string, Text>, Mismatch> => {
  const invalid = Topic.validateTopicName(topic, "5.0")
  if (invalid !== undefined) return mismatch(invalid.message)
  const given = topic.split("/")
  const found = new Map<string, Text>()
  for (const [index, level] of levels.entries()) {
    if (level._tag === "Multi") {
      found.set(level.name, given.slice(index))
    } else if (index >= given.length || (level._tag === "Literal" && level.text !== given[index])) {
      return mismatch(`The topic does not match "${source}".`)
    } else if (level._tag === "Single") {
      found.set(level.name, given[index])
    }
    const name = level._tag === "Literal" ? undefined : level.name
    const text = name === undefined ? undefined : found.get(name)
    if (name === undefined || text === undefined) continue
    const fault = parameterFault(name, typeof text === "string" ? [text] : text, index, allowEmpty)
    if (fault !== undefined) return Result.fail(fault)
  }
  const isLonger = given.length > levels.length && levels.at(-1)?._tag !== "Multi"
  return isLonger ? mismatch(`The topic does not match "${source}".`) : Result.succeed(found)
}

// ---------------------------------------------------------------------------
// The same rules for the compiler
// ---------------------------------------------------------------------------

/**
 * The name of the parameter in one level of a template; `never` if the level has none.
 *
 * @since 0.2.0
 * @category utility types
 */
export type NameIn<Level extends string> = Level extends `{${infer Name}...}` ? Name
  : Level extends `{${infer Name}}` ? Name
  : never

/**
 * The names of a template's parameters; any name if the template is known at run time only.
 *
 * @since 0.2.0
 * @category utility types
 */
export type Names<Source extends string> = string extends Source ? string
  : Source extends `${infer Level}/${infer Rest}` ? NameIn<Level> | Names<Rest>
  : NameIn<Source>

/**
 * The name of the parameter that stands for several levels.
 *
 * @since 0.2.0
 * @category utility types
 */
export type MultiName<Source extends string> = string extends Source ? string
  : Source extends `${string}/${infer Rest}` ? MultiName<Rest>
  : Source extends `{${infer Name}...}` ? Name
  : never

/**
 * The fault in the name of a parameter, in words; `never` if there is none. `Seen` are the names before it.
 *
 * @since 0.2.0
 * @category utility types
 */
export type NameFault<Name extends string, Seen extends string> = Name extends
  "" | `${string}${"{" | "}" | "."}${string}` ? "A parameter is a whole level: {name}"
  : Name extends "payload" ? "A parameter may not have the name payload"
  : Name extends Seen ? `The parameter {${Name}} is there twice`
  : never

/**
 * The fault in one level of a template, in words; `never` if there is none.
 *
 * @since 0.2.0
 * @category utility types
 */
export type LevelFault<Level extends string, Seen extends string, IsLast extends boolean> = Level extends
  `{${infer Name}...}` ? IsLast extends true ? NameFault<Name, Seen> : `{${Name}...} may only be the last level`
  : Level extends `{${infer Name}}` ? NameFault<Name, Seen>
  : Level extends `${string}${"{" | "}"}${string}` ? "A parameter is a whole level: {name}"
  : Level extends `${string}${"+" | "#"}${string}` ? "A template has no wildcards: write {name} or {name...}"
  : never

/**
 * The fault in a template, in words; `never` if there is none.
 *
 * @since 0.2.0
 * @category utility types
 */
export type Fault<Source extends string, Seen extends string = never, IsWhole extends boolean = true> = string extends
  Source ? never
  : [IsWhole, Source] extends [true, ""] ? "A template has at least one character"
  : [IsWhole, Source] extends [true, `$share/${string}`]
    ? "A template has no $share: use `shared` or the option `share`"
  : Source extends `${infer Level}/${infer Rest}`
    ? LevelFault<Level, Seen, false> | Fault<Rest, Seen | NameIn<Level>, false>
  : LevelFault<Source, Seen, true>
