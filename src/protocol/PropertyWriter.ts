/**
 * The properties of a packet to be sent: Property Length, then each property in the order of the object.
 *
 * Checks while it writes, so that the properties are walked once. If they cannot be written, `Validity` says why. MQTT
 * 5.0 section 2.2.2.
 *
 * @since 0.1.0
 */
import type { Sender } from "./Packet.ts"
import * as Properties from "./Properties.ts"
import * as Topic from "./Topic.ts"
import * as Validity from "./Validity.ts"
import * as VariableByteInteger from "./VariableByteInteger.ts"
import * as Writer from "./Writer.ts"

/** The part of a table row that the writer needs. */
interface Field {
  readonly identifier: number
  readonly type: Properties.PropertyType
  readonly isList: boolean
  readonly isTopicName: boolean
  /** The range, if the property is a number. */
  readonly minimum: number
  readonly maximum: number
}

/**
 * Properties by name.
 *
 * @since 0.1.0
 * @category models
 */
export type Fields = ReadonlyMap<string, Field>

const fieldsThat = (include: (rule: Properties.PropertyRule) => boolean): Fields => {
  const fields = new Map<string, Field>()
  for (const [name, rule] of Object.entries(Properties.rules)) {
    if (!include(rule)) continue
    fields.set(name, {
      identifier: rule.identifier,
      type: rule.type,
      isList: rule.repeatsIn !== undefined,
      isTopicName: rule.topicName === true,
      ...Validity.rangeOf(rule)
    })
  }
  return fields
}

/**
 * Every property, for properties that have been checked already.
 *
 * @since 0.1.0
 * @category constants
 */
export const everyField: Fields = fieldsThat(() => true)

/**
 * The properties that PUBLISH may carry, by sender. Properties that are lists may have any number of values there.
 *
 * @since 0.1.0
 * @category constants
 */
export const publishFields: { readonly [By in Sender]: Fields } = {
  client: fieldsThat(({ fromClient }) => fromClient.includes("Publish")),
  server: fieldsThat(({ fromServer }) => fromServer.includes("Publish"))
}

/** `write` and all functions it calls return this for properties that cannot be written. */
const failed = -1

/**
 * Writes Property Length and the properties and returns the offset after them. Returns -1 if `fields` does not allow
 * them; the bytes in `target` from `start` on then have no meaning. The caller provides enough room, as with `Writer`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const write = (
  target: Uint8Array,
  start: number,
  properties: Properties.Properties,
  fields: Fields
): number => {
  if (typeof properties !== "object" || properties === null) return failed
  // Leaves room for one byte of Property Length, which is mostly enough. If it is not, the properties are moved.
  const end = writeFields(target, start + 1, properties as { readonly [name: string]: unknown }, fields)
  if (end < 0) return failed
  const length = end - start - 1
  const size = VariableByteInteger.sizeOf(length)
  if (size > 1) target.copyWithin(start + size, start + 1, end)
  VariableByteInteger.write(target, start, length)
  return start + size + length
}

const writeFields = (
  target: Uint8Array,
  start: number,
  properties: { readonly [name: string]: unknown },
  fields: Fields
): number => {
  let offset = start
  for (const name of Object.keys(properties)) {
    const value = properties[name]
    const field = fields.get(name)
    if (field === undefined || value === undefined || Array.isArray(value) !== field.isList) {
      if (isAbsent(name, value)) continue
      return failed
    }
    offset = field.isList
      ? writeList(target, offset, field, value as ReadonlyArray<unknown>)
      : writeField(target, offset, field, value)
    if (offset < 0) return failed
  }
  return offset
}

/** As in `Validity`, a property without a value counts as absent, if its name is known. */
const isAbsent = (name: string, value: unknown): boolean =>
  (value === undefined || (Array.isArray(value) && value.length === 0)) && Object.hasOwn(Properties.rules, name)

const writeList = (target: Uint8Array, start: number, field: Field, values: ReadonlyArray<unknown>): number => {
  let offset = start
  for (let index = 0; index < values.length; index++) {
    offset = writeField(target, offset, field, values[index])
    if (offset < 0) return failed
  }
  return offset
}

const writeField = (target: Uint8Array, start: number, field: Field, value: unknown): number => {
  target[start] = field.identifier
  const offset = start + 1
  switch (field.type) {
    case "string":
      return field.isTopicName && !isTopicName(value) ? failed : writeString(target, offset, value)
    case "pair":
      return writePair(target, offset, value)
    case "binary":
      return Validity.isBytes(value) ? Writer.binary(target, offset, value) : failed
    default:
      return isWithin(value, field) ? writeNumber(target, offset, field.type, value) : failed
  }
}

const isTopicName = (value: unknown): boolean => typeof value === "string" && value !== "" && !Topic.hasWildcard(value)

const writeString = (target: Uint8Array, offset: number, value: unknown): number =>
  typeof value === "string" ? Writer.string(target, offset, value) : failed

const writePair = (target: Uint8Array, start: number, value: unknown): number => {
  if (!Array.isArray(value) || value.length !== 2) return failed
  const offset = writeString(target, start, value[0])
  return offset < 0 ? failed : writeString(target, offset, value[1])
}

const isWithin = (value: unknown, { maximum, minimum }: Field): value is number =>
  typeof value === "number" && value >= minimum && value <= maximum && Number.isInteger(value)

const writeNumber = (
  target: Uint8Array,
  offset: number,
  type: "flag" | "uint16" | "uint32" | "variableByteInteger",
  value: number
): number => {
  switch (type) {
    case "flag":
      target[offset] = value
      return offset + 1
    case "uint16":
      return Writer.uint16(target, offset, value)
    case "uint32":
      return Writer.uint32(target, offset, value)
    case "variableByteInteger":
      return VariableByteInteger.write(target, offset, value)
  }
}

// ---------------------------------------------------------------------------------------------------------------------
// Sizes
// ---------------------------------------------------------------------------------------------------------------------

/**
 * The Property Length of valid properties.
 *
 * @since 0.1.0
 * @category sizes
 */
export const lengthOf = (properties: Properties.Properties): number => {
  if (properties === Properties.none) return 0
  let length = 0
  for (const name of Object.keys(properties) as ReadonlyArray<Properties.PropertyName>) {
    const value = properties[name]
    const field = everyField.get(name)
    if (field === undefined || value === undefined || Array.isArray(value) !== field.isList) continue
    if (!field.isList) length += 1 + sizeOf(field.type, value)
    else for (const each of value as ReadonlyArray<unknown>) length += 1 + sizeOf(field.type, each)
  }
  return length
}

/** `Validity` has already checked that each value has the type of its row in the table. */
const sizeOf = (type: Properties.PropertyType, value: unknown): number => {
  switch (type) {
    case "flag":
      return 1
    case "uint16":
      return 2
    case "uint32":
      return 4
    case "variableByteInteger":
      return VariableByteInteger.sizeOf(value as number)
    case "string":
      return Writer.sizeOfString(value as string)
    case "binary":
      return Writer.sizeOfBinary(value as Uint8Array)
    case "pair": {
      const [name, text] = value as Properties.UserProperty
      return Writer.sizeOfString(name) + Writer.sizeOfString(text)
    }
  }
}
