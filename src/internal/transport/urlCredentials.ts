/** User name and password in a URL. */
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

export interface Credentials {
  readonly username: string | undefined
  readonly password: Redacted.Redacted<string> | undefined
}

const notText = "has a user name or password with a \"%\" that does not stand for a character; write % itself as %25"

/** MQTT carries no U+0000, and `URL` puts U+FFFD in the place of half a character. */
const unfit = /[\0\ufffd]/

const decoded = (part: string): Result.Result<string | undefined, string> => {
  const text = Result.try({ try: () => decodeURIComponent(part), catch: () => notText })
  return Result.flatMap(
    text,
    (text) => unfit.test(text) ? Result.fail(notText) : Result.succeed(text === "" ? undefined : text)
  )
}

/** The description of a failure repeats no part of the URL. */
export const credentialsOf = ({ password, username }: URL): Result.Result<Credentials, string> =>
  Result.map(
    Result.all([decoded(username), decoded(password)]),
    ([username, password]) => ({
      username,
      password: password === undefined ? undefined : Redacted.make(password)
    })
  )
