/**
 * What is to be said of rows that have less than is wanted of them: what was tried, what the profile shows, what would
 * reach it. By a pattern for the names of the rows; a row without one is listed all the same.
 *
 * @since 0.1.0
 */

interface Note {
  readonly rows: RegExp
  readonly tried: string
  readonly profile: string
  readonly wouldReach: string
}

/**
 * @since 0.1.0
 * @category notes
 */
export const notes: ReadonlyArray<Note> = [
  {
    rows: /^publish qos1 sequential/,
    tried:
      "a microtask between `publish` and the write instead of a turn of the event loop; no timer and no fork for " +
      "a message",
    profile:
      "both sides and the sink are busy half of the time: one `write`, one wake-up and one `read` for each message " +
      "on either side. The medians of a message (p50) are near each other; the rate and p99 differ several times " +
      "between two runs of the same side, by which core its process is woken on",
    wouldReach: "a machine with nothing else to do, to see what is left of the difference"
  },
  {
    rows: /^receive qos[01]$/,
    tried:
      "what matched the last topic is remembered (3.2 M to 3.4 M messages a second at QoS 0, a ratio of 3.6 to 3.9; " +
      "8.4 to 10.5 at QoS 1); no array of sizes beside that of messages in a subscription's buffer",
    profile: "reading PUBLISH packets takes 30 %, the run loop of the stream with its effect for each message 12 %, " +
      "finding subscribers took 11 % before that",
    wouldReach: "a view of the payload that is made when it is looked at, and not for every message"
  },
  {
    rows: /^receive qos1 (64 KiB|1 MiB)$/,
    tried:
      "a buffer for a packet in several chunks that grows 32-fold: 0.75 ms to 0.25 ms of processor time for decoding " +
      "1 MiB. It is not kept: what a length declares must not make the client hold many times what has come",
    profile:
      "at 64 KiB 29 % is writing acknowledgements, one for each message, 17 % copying into that buffer, 12 % garbage " +
      "collection; every new `Uint8Array` is filled with zeros first",
    wouldReach: "`Buffer.allocUnsafe`, handed to the decoder by the transports of Node, as the protocol knows no Node"
  },
  {
    rows: /^dispatch to 10,000 filters against/,
    tried: "arrays with room for one message instead of 17 in each subscription's buffer, no second array, no effect " +
      "built for each wait: about a quarter less",
    profile:
      "finding the filter costs about the same for 1 and for 10,000 (see the row of one stream, which has them too). " +
      "What grows is that each message wakes a fiber of its own, where with one filter a chunk of hundreds wakes one, " +
      "and that 10,000 streams do not fit into the processor's caches: a fifth is garbage collection",
    wouldReach:
      "nothing while every stream is a fiber that is resumed for its message; one subscription of many filters, " +
      "with the program dispatching by `message.topic`, has nearly the cost of one filter"
  },
  {
    rows: /per idle client$/,
    tried:
      "a first buffer of 1 KiB instead of 64 KiB for what is written; the ring of 1,024 events only for clients whose " +
      "events somebody listens to; no error, with its stacks, kept for a connection that may be closed one day: from " +
      "149 KiB to 65 KiB of heap",
    profile:
      "closures and their contexts are about 24 KiB of it, plain objects 8 KiB; then fibers, continuations, and the " +
      "layers they were built from",
    wouldReach: "classes with methods instead of objects of closures, and fewer fibers for a connection"
  },
  {
    rows: /^peak memory/,
    tried: "less for a connection, as above",
    profile:
      "not looked at yet. Both sides are within the spread of each other, and the faster one makes more garbage " +
      "between two collections",
    wouldReach: "fewer objects for a message"
  },
  {
    rows: /bundle/,
    tried: "only measured here",
    profile: "half of it is `effect`",
    wouldReach: "fewer modules of `effect`, and of ours, on the way of a client in a page"
  },
  {
    rows: /^codec decode publish 5\.0 with properties/,
    tried: "nothing yet",
    profile:
      "not looked at yet; five strings and a binary value are read and checked for each packet, which the peer does " +
      "not check",
    wouldReach: "remembering strings that come again, as is done for topics"
  }
]
