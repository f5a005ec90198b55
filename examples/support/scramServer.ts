/**
 * The server's side of SCRAM-SHA-256 for one account, written with `node:crypto` and from RFC 5802 alone. The tests use
 * it too, because it agrees with the client only if both are right.
 */
import * as Crypto from "node:crypto"
import type { MemoryBroker } from "../../src/testing/index.ts"

const hmac = (key: Crypto.BinaryLike, text: Crypto.BinaryLike): Buffer =>
  Crypto.createHmac("sha256", key).update(text).digest()

export interface Account {
  readonly username: string
  readonly password: string
  /** Base 64. */
  readonly salt: string
  readonly iterations: number
}

export class ScramServer {
  readonly #account: Account
  readonly #nonce: string
  #clientFirst = ""
  #serverFirst = ""

  constructor(account: Account, nonce = Crypto.randomBytes(18).toString("base64")) {
    this.#account = account
    this.#nonce = nonce
  }

  /** `undefined` if the account does not exist. */
  first(message: string): string | undefined {
    const [, bare, username, nonce] = /^n,,(n=([^,]*),r=([^,]+))$/.exec(message) ?? []
    if (username !== this.#account.username) return undefined
    this.#clientFirst = bare
    this.#serverFirst = `r=${nonce}${this.#nonce},s=${this.#account.salt},i=${this.#account.iterations}`
    return this.#serverFirst
  }

  /** `undefined` if the proof is wrong. */
  final(message: string): string | undefined {
    const [, withoutProof, proof] = /^(c=biws,r=[^,]+),p=(.+)$/.exec(message) ?? []
    const { iterations, password, salt } = this.#account
    const salted = Crypto.pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256")
    const signed = `${this.#clientFirst},${this.#serverFirst},${withoutProof}`
    const clientKey = hmac(salted, "Client Key")
    const signature = hmac(Crypto.createHash("sha256").update(clientKey).digest(), signed)
    const expected = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]))
    if (!expected.equals(Buffer.from(proof, "base64"))) return undefined
    return `v=${hmac(hmac(salted, "Server Key"), signed).toString("base64")}`
  }
}

/** The answers of a broker in memory to clients that authenticate with SCRAM-SHA-256. */
export const exchange = (account: Account): NonNullable<MemoryBroker.Options["exchangeAuthentication"]> => {
  const servers = new Map<string, ScramServer>()
  return ({ clientId, data, round }) => {
    const server = round === 1 ? new ScramServer(account) : servers.get(clientId)
    if (server !== undefined) servers.set(clientId, server)
    const message = new TextDecoder().decode(data)
    const answer = round === 1 ? server?.first(message) : server?.final(message)
    if (answer === undefined) return { _tag: "Refuse", reasonCode: 0x87 }
    return { _tag: round === 1 ? "Continue" : "Success", data: new TextEncoder().encode(answer) }
  }
}
