/**
 * Schemas of the host as schemas of Effect 4: the host decodes and encodes, and says in its own words what is wrong.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"

export { fail, succeed } from "effect/Effect"

/** What is wrong at one place of a value. */
export interface HostIssue {
  readonly kind: "Missing" | "Unexpected" | "Other"
  readonly path: ReadonlyArray<PropertyKey>
  /** What was expected; `undefined` for the words of Effect 4. */
  readonly message: string | undefined
}

/** Why the host did not decode or encode a value. */
export interface HostFault {
  readonly issues: ReadonlyArray<HostIssue>
  /** The host's own error. */
  readonly error: unknown
}

/** What a schema is encoded as, as far as that matters to a payload. */
export type Encoded = "text" | "bytes" | "other" | { readonly anyOf: ReadonlyArray<Encoded> }

export interface HostSchema {
  readonly encoded: Encoded
  readonly decode: (encoded: unknown) => Effect.Effect<unknown, HostFault>
  readonly encode: (value: unknown) => Effect.Effect<unknown, HostFault>
}

/** A value of the host's that a schema can tell from all others. */
export class HostValue {
  readonly value: unknown

  constructor(value: unknown) {
    this.value = value
  }
}

/** A schema for a level of a topic, or for a payload, of which nobody here knows the values. */
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

/** The host's own error in one of a schema that was made here. */
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

/** Its values are the host's. They are not looked at before the host has encoded them, nor after it has decoded them. */
export const schemaFrom = (schema: HostSchema): Made => make(schema, Schema.Unknown, same, same)

/** Its values are a `HostValue` each, so that `Schema.is` knows them from all others. */
export const wrappingSchemaFrom = (schema: HostSchema): Made =>
  make(
    schema,
    Schema.instanceOf(HostValue),
    (value) => new HostValue(value),
    (value) => value instanceof HostValue ? value.value : value
  )
