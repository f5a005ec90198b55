/**
 * The files of a store: their names, from the client identifier.
 *
 * Bytes other than lower-case letters, digits, `-` and `_` are percent-encoded, in lower case: so the names of two
 * client identifiers differ even if a file system treats upper and lower case, or two forms of one letter, as the same.
 * A name that would be too long has the hash of the client identifier, which stands in the database.
 */
import * as Crypto from "node:crypto"
import * as Path from "node:path"

const plain = /^[a-z0-9_-]$/

const encode = (clientId: string): string =>
  [...Buffer.from(clientId, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return plain.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`
    })
    .join("")

/** File systems have names of at most 255 bytes, and SQLite adds its own endings. */
const longest = 200

const stem = (clientId: string): string => {
  const encoded = encode(clientId)
  if (encoded.length <= longest) return `client-${encoded}`
  return `hash-${Crypto.createHash("sha256").update(clientId, "utf8").digest("hex")}`
}

const ending = ".sqlite"

export interface Files {
  readonly database: string
  /** Locked as long as a client has the store. */
  readonly lock: string
}

export const filesOf = (directory: string, clientId: string): Files => {
  const path = Path.join(directory, stem(clientId))
  return { database: `${path}${ending}`, lock: `${path}.lock` }
}

/**
 * The client identifier whose store the file is, or the path of the database if only that holds the identifier.
 * `undefined` for other files.
 */
export const ownerOf = (
  directory: string,
  name: string
): { readonly clientId: string } | { readonly database: string } | undefined => {
  if (!name.endsWith(ending)) return undefined
  const encoded = name.slice(0, -ending.length)
  if (/^hash-[0-9a-f]{64}$/.test(encoded)) return { database: Path.join(directory, name) }
  if (!/^client-([a-z0-9_-]|%[0-9a-f]{2})*$/.test(encoded)) return undefined
  return { clientId: decodeURIComponent(encoded.slice("client-".length)) }
}
