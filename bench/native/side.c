/*
 * A side of the benchmark in C: moves as many messages as it is told, and says when that is done.
 *
 *   without arguments: writes the version of the library
 *   HOST PORT CLIENT_ID QOS WINDOW PAYLOAD: connects, and reads commands, one a line:
 *     publish TOPIC COUNT      done when the last message has fulfilled its QoS
 *     receive FILTER COUNT     subscribes; done when so many messages have come
 *     unsubscribe FILTER       done with UNSUBACK
 *     end                      disconnects
 *
 * Each is answered with {"processor":SECONDS}: the processor time of all threads so far. Clock, warm-up and rates are
 * in sides/native.ts and programs/traffic.ts, as for every other side.
 */
#define _GNU_SOURCE
#include "side.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A library that reports nothing for so long has hung, and nobody else would end this process. */
enum { longest_wait_seconds = 60 };

static struct client_options options;
static char *payload;
static int payload_length;

void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  /* Not exit: this may be a thread of the library, which exit would wait for. */
  _exit(1);
}

/* ---- Waiting for reports ---------------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_reported = PTHREAD_COND_INITIALIZER;
static atomic_long missing_reports;

static void expect_reports(long count) { atomic_store(&missing_reports, count); }

/* Only the last report takes the lock: the others must cost next to nothing. */
static void reported(void) {
  if (atomic_fetch_sub(&missing_reports, 1) != 1) return;
  pthread_mutex_lock(&lock);
  pthread_cond_signal(&all_reported);
  pthread_mutex_unlock(&lock);
}

static void await_reports(void) {
  struct timespec latest;
  clock_gettime(CLOCK_REALTIME, &latest);
  latest.tv_sec += longest_wait_seconds;
  pthread_mutex_lock(&lock);
  while (atomic_load(&missing_reports) > 0) {
    if (pthread_cond_timedwait(&all_reported, &lock, &latest) == ETIMEDOUT) {
      fail("waiting", "the library reports nothing");
    }
  }
  pthread_mutex_unlock(&lock);
}

void request_answered(void) { reported(); }

/* ---- Publishing ------------------------------------------------------------------------------------------------- */

static char topic[256];
static atomic_long left_to_send;

static void send_next(void) {
  if (atomic_fetch_sub(&left_to_send, 1) > 0) send_message(topic, payload, payload_length, options.qos);
}

/* The callback of a message sends the next one, so that a window of them is always outstanding. */
void message_completed(void) {
  send_next();
  reported();
}

static void publish(long count) {
  atomic_store(&left_to_send, count);
  expect_reports(count);
  for (int started = 0; started < options.window; started++) send_next();
  await_reports();
}

/* ---- Receiving -------------------------------------------------------------------------------------------------- */

void message_received(int length) {
  if (length != payload_length) fail("receive", "a payload of another length has come");
  reported();
}

static void receive(const char *filter, long count) {
  expect_reports(count + 1);
  subscribe(filter, options.qos);
  await_reports();
}

static void stop_receiving(const char *filter) {
  expect_reports(1);
  unsubscribe(filter);
  await_reports();
}

/* ---- Commands --------------------------------------------------------------------------------------------------- */

static double seconds_of(struct timeval time) { return (double)time.tv_sec + (double)time.tv_usec / 1e6; }

static void answer(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"processor\":%.6f}\n", seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  fflush(stdout);
}

static void perform(const char *command) {
  char name[256];
  long count;
  if (sscanf(command, "publish %255s %ld", topic, &count) == 2) publish(count);
  else if (sscanf(command, "receive %255s %ld", name, &count) == 2) receive(name, count);
  else if (sscanf(command, "unsubscribe %255s", name) == 1) stop_receiving(name);
  else fail("command", command);
}

static void connect_as_told(char **arguments) {
  options = (struct client_options){
    .host = arguments[1],
    .port = atoi(arguments[2]),
    .client_id = arguments[3],
    .qos = atoi(arguments[4]),
    .window = atoi(arguments[5]),
  };
  payload_length = atoi(arguments[6]);
  payload = malloc((size_t)payload_length);
  if (payload == NULL) fail("payload", "no memory");
  memset(payload, 'x', (size_t)payload_length);
  expect_reports(1);
  connect_client(&options);
  await_reports();
}

static void leave_server(void) {
  expect_reports(1);
  disconnect_client();
  await_reports();
}

int main(int count, char **arguments) {
  if (count == 1) {
    print_version();
    return 0;
  }
  if (count != 7) fail("usage", "HOST PORT CLIENT_ID QOS WINDOW PAYLOAD");
  connect_as_told(arguments);
  answer();
  char command[512];
  while (fgets(command, sizeof command, stdin) != NULL && strcmp(command, "end\n") != 0) {
    perform(command);
    answer();
  }
  leave_server();
  answer();
  return 0;
}
