/**
 * Schemas of the host as schemas of Effect 4. The host decodes and encodes, and describes faults in its own words.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

export { fail, succeed } from "effect/Effect"

/** A fault at one place of a value. */
export interface HostIssue {
  readonly kind: "Missing" | "Unexpected" | "Other"
  readonly path: ReadonlyArray<PropertyKey>
  /** The expectation that the value did not meet; `undefined` for the words of Effect 4. */
  readonly message: string | undefined
}

/** Why the host did not decode or encode a value. */
export interface HostFault {
  readonly issues: ReadonlyArray<HostIssue>
  /** The error of the host. */
  readonly error: unknown
}

/** The encoded side of a schema, in the detail that payloads need. */
export type Encoded = "text" | "bytes" | "other" | { readonly anyOf: ReadonlyArray<Encoded> }

export interface HostSchema {
  readonly encoded: Encoded
  readonly decode: (encoded: unknown) => Effect.Effect<unknown, HostFault>
  readonly encode: (value: unknown) => Effect.Effect<unknown, HostFault>
}

/** A value of the host that a schema can tell from all others. */
export class HostValue {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** A schema for a level of a topic or for a payload. Nobody here knows its values. */
type Made = Schema.ConstraintCodec<unknown, string | Uint8Array> & Schema.Constraint

const encodedSide = (encoded: Encoded): Schema.Codec<unknown> => {
  if (typeof encoded === "object") return Schema.Union(encoded.anyOf.map(encodedSide))
  return encoded === "text" ? Schema.String : encoded === "bytes" ? Schema.Uint8Array : Schema.Unknown
}

const hostErrors = new WeakMap<SchemaIssue.Issue, unknown>()

const issueOf = ({ kind, message, path }: HostIssue): SchemaIssue.Issue => {
  const leaf = message !== undefined
    ? new SchemaIssue.InvalidValue({ message })
    : kind === "Missing"
    ? new SchemaIssue.MissingKey(undefined)
    : kind === "Unexpected"
    ? new SchemaIssue.UnexpectedKey(Schema.Unknown.ast)
    : new SchemaIssue.InvalidValue()
  return path.length === 0 ? leaf : new SchemaIssue.Pointer(path, leaf)
}

const toIssue = ({ error, issues }: HostFault): SchemaIssue.Issue => {
  const [first, ...others] = issues.map(issueOf)
  const issue = first === undefined
    ? new SchemaIssue.InvalidValue()
    : new SchemaIssue.Composite(Schema.Unknown.ast, [first, ...others])
  hostErrors.set(issue, error)
  return issue
}

/** The error of the host inside an error of a schema made here. */
export const hostErrorOf = (error: unknown): unknown => {
  if (!Schema.isSchemaError(error)) return undefined
  let { issue } = error
  while (!hostErrors.has(issue) && "issue" in issue) issue = issue.issue
  return hostErrors.get(issue)
}

const make = (
  { decode, encode, encoded }: HostSchema,
  type: Schema.Codec<unknown>,
  wrap: (value: unknown) => unknown,
  unwrap: (value: unknown) => unknown
): Made =>
  encodedSide(encoded).pipe(Schema.decodeTo(type, {
    decode: SchemaGetter.transformEffect((input) =>
      Effect.mapBothEager(decode(input), { onFailure: toIssue, onSuccess: wrap })
    ),
    encode: SchemaGetter.transformEffect((value) => Effect.mapErrorEager(encode(unwrap(value)), toIssue))
  })) as unknown as Made

const same = (value: unknown): unknown => value

/** Its values are the host's. Nothing looks at them before the host has encoded, or after it has decoded them. */
export const schemaFrom = (schema: HostSchema): Made => make(schema, Schema.Unknown, same, same)

/** Each value is a `HostValue`, so that `Schema.is` can tell it from all others. */
export const wrappingSchemaFrom = (schema: HostSchema): Made =>
  make(
    schema,
    Schema.instanceOf(HostValue),
    (value) => new HostValue(value),
    (value) => value instanceof HostValue ? value.value : value
  )
