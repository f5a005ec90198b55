/**
 * The tests that do not pass through the package for Effect 3, with the reason of each.
 *
 * The list only gets shorter: a test of the list that passes fails the run, and so does a list of more than `most`.
 */
export interface Exception {
  /** Below `test`. */
  readonly file: string
  /** The beginning of the test's name. */
  readonly name: string
  readonly reason: string
}

export const most = 12

export const exceptions: ReadonlyArray<Exception> = [
  {
    file: "client/Publish.test.ts",
    name: "S47 in the turn it began: nothing is sent",
    reason: "Effect 3 delivers an interruption a microtask later, when the message has left: docs/effect-3.md"
  },
  {
    file: "client/Connecting.test.ts",
    name: "a schedule that ends closes the client with the last failure",
    reason:
      "a transport in Effect 3 hears of the reset some microtasks after the test has published: the message is in flight"
  },
  {
    file: "client/UnusualServer.test.ts",
    name: "of a scope: what came too late for anybody is not acknowledged, and comes again",
    reason:
      "the scope of a subscription ends some turns before that of the client: the client acknowledges what is left over"
  },
  {
    file: "client/WrongTypes.test.ts",
    name: "publishSink refuses",
    reason:
      "a stream of Effect 3 runs in a fiber of its own: it is refused some microtasks later, and the test waits for none"
  },
  {
    file: "client/TypedRequests.test.ts",
    name: "is that of a consumer where there is no schema for it",
    reason: "the client logs with the loggers of the place where it was made: docs/effect-3.md"
  }
]

/** The exception for a test, if there is one. */
export const exceptionOf = (file: string, name: string): Exception | undefined =>
  exceptions.find((one) => file.replaceAll("\\", "/").endsWith(`/test/${one.file}`) && name.startsWith(one.name))
