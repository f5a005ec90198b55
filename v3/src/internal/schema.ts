/**
 * Schemas of Effect 3 for the engine. The engine shows of their failures as much as of its own: the expectation, and
 * never the value, which may be a secret. The whole error of Effect 3 is the `cause`.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as Engine from "../../../engine/index.ts"
import { fromEffect, type ProgramRuntime } from "./bridge.ts"

export type AnySchema = Schema.Schema<unknown, unknown, unknown>

type Parse = (value: unknown) => Effect.Effect<unknown, ParseResult.ParseIssue, unknown>

export const isSchema = (value: unknown): value is AnySchema => Schema.isSchema(value)

/** The encoded side, as far as the engine needs it to tell text from bytes. */
const encodedOf = (ast: AST.AST): Engine.Encoded => {
  switch (ast._tag) {
    case "StringKeyword":
    case "TemplateLiteral":
    case "Literal":
    case "Enums":
      return "text"
    case "Declaration":
      return "bytes"
    case "Union":
      return { anyOf: ast.types.map(encodedOf) }
    default:
      return "other"
  }
}

const isJson = ({ ast }: ParseResult.Type): boolean =>
  Option.contains(AST.getSchemaIdAnnotation(ast), AST.ParseJsonSchemaId)

/** Effect 3's own messages often quote the value. */
const quotes = (message: string, actual: unknown): boolean => {
  const text = typeof actual === "string" ? actual : Inspectable.toStringUnknown(actual, 0)
  return message.includes(JSON.stringify(text)) || (text.length > 3 && message.includes(text))
}

/** A message of the program, unless it quotes the value. Otherwise the expectation of the schema. */
const expectationOf = (issue: ParseResult.Type): ParseResult.Type => {
  const { actual, ast, message } = issue
  if (isJson(issue)) {
    return new ParseResult.Type(
      ast,
      undefined,
      `Expected a ${typeof actual === "string" ? "valid JSON string" : "JSON-serializable value"}`
    )
  }
  if (Option.isSome(AST.getMessageAnnotation(ast))) return issue
  return new ParseResult.Type(ast, undefined, message === undefined || quotes(message, actual) ? undefined : message)
}

const isType = (issue: ParseResult.ParseIssue): issue is ParseResult.Type => issue._tag === "Type"

const isNonEmpty = <A>(values: ReadonlyArray<A>): values is readonly [A, ...ReadonlyArray<A>] => values.length > 0

const isOfUndefined = (issue: ParseResult.ParseIssue): boolean => isType(issue) && issue.ast._tag === "UndefinedKeyword"

/**
 * If there is a value, "or undefined" is no useful expectation. Members that add nothing to their names become one
 * expectation.
 */
const ofUnion = (
  ast: AST.Union,
  issues: ReadonlyArray<ParseResult.ParseIssue>
): ReadonlyArray<ParseResult.ParseIssue> => {
  const said = issues.filter((issue) => !isOfUndefined(issue))
  const [first, second] = said
  if (first === undefined || second === undefined) return said.length === 0 ? issues : said
  if (!said.every(isType) || Option.isSome(AST.getMessageAnnotation(ast))) return said
  return [new ParseResult.Type(AST.Union.make(said.map((issue) => issue.ast)), undefined)]
}

const issuesOf = ({ ast, issues }: ParseResult.Composite): ReadonlyArray<ParseResult.ParseIssue> =>
  ast._tag === "Union" ? ofUnion(ast, [issues].flat()) : [issues].flat()

const withoutActual = (issue: ParseResult.ParseIssue): ParseResult.ParseIssue => {
  switch (issue._tag) {
    case "Type":
      return expectationOf(issue)
    case "Pointer":
      return new ParseResult.Pointer(issue.path, issue.actual, withoutActual(issue.issue))
    case "Refinement":
      return new ParseResult.Refinement(issue.ast, issue.actual, issue.kind, withoutActual(issue.issue))
    case "Transformation":
      return new ParseResult.Transformation(issue.ast, issue.actual, issue.kind, withoutActual(issue.issue))
    case "Composite": {
      const issues = issuesOf(issue).map(withoutActual)
      return isNonEmpty(issues) ? new ParseResult.Composite(issue.ast, issue.actual, issues) : issue
    }
    default:
      return issue
  }
}

const kinds: { readonly [tag: string]: Engine.HostIssue["kind"] } = { Missing: "Missing", Unexpected: "Unexpected" }

/** Effect 3's words for issues without a message of the program. */
const ownWords = new Set(["is missing", "is unexpected"])

const unseen = ", actual undefined"

const faultOf = (issue: ParseResult.ParseIssue): Engine.HostFault => ({
  issues: ParseResult.ArrayFormatter.formatIssueSync(withoutActual(issue)).map(({ _tag, message, path }) => ({
    kind: kinds[_tag] ?? "Other",
    path,
    message: ownWords.has(message) ? undefined : message.endsWith(unseen) ? message.slice(0, -unseen.length) : message
  })),
  error: ParseResult.parseError(issue)
})

const isEither = (parsing: unknown): parsing is Either.Either<unknown, ParseResult.ParseIssue> =>
  Either.isEither(parsing)

const isRuntime = (caller: unknown): caller is ProgramRuntime => typeof caller === "object" && caller !== null

/** The runtime of the program on whose behalf the engine works. */
export const runtimeOf = (caller: unknown): ProgramRuntime => isRuntime(caller) ? caller : Runtime.defaultRuntime

/** A schema that ends at once needs no fiber, and no service. */
const parsing = (parse: Parse) => (value: unknown): Engine.Effect<unknown, Engine.HostFault> => {
  const parsed = parse(value)
  if (isEither(parsed)) {
    return Either.isRight(parsed) ? Engine.succeed(parsed.right) : Engine.fail(faultOf(parsed.left))
  }
  return Engine.ofCaller((caller) =>
    fromEffect(Effect.mapError(parsed, faultOf) as Effect.Effect<unknown, Engine.HostFault>, runtimeOf(caller))
  ) as Engine.Effect<unknown, Engine.HostFault>
}

const hostSchema = (schema: AnySchema): Engine.HostSchema => ({
  encoded: encodedOf(AST.encodedAST(schema.ast)),
  decode: parsing(ParseResult.decodeUnknown(schema)),
  encode: parsing(ParseResult.encodeUnknown(schema))
})

export const toEngine = (schema: AnySchema) => Engine.schemaFrom(hostSchema(schema))

/** For values that the engine has to tell from others: each is a `HostValue`. */
export const toWrappingEngine = (schema: AnySchema) => Engine.wrappingSchemaFrom(hostSchema(schema))

export const is = (schema: AnySchema): (value: unknown) => boolean => Schema.is(schema)
