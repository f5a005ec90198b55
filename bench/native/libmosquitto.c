/*
 * The calls of libmosquitto, threaded: mosquitto_loop_start gives the network a thread, which makes the callbacks.
 *
 * Its options are those of the other sides: MQTT 5.0, no Nagle, the window as Receive Maximum of both directions.
 */
#include "side.h"
#include <mosquitto.h>
#include <stdio.h>

enum { keep_alive_seconds = 60, failing_reason_code = 0x80 };

static struct mosquitto *client;

static void check(const char *what, int result) {
  if (result != MOSQ_ERR_SUCCESS) fail(what, mosquitto_strerror(result));
}

static void check_reason_code(const char *what, int reason_code) {
  if (reason_code >= failing_reason_code) fail(what, mosquitto_reason_string(reason_code));
}

static void on_connect(struct mosquitto *from, void *context, int reason_code, int flags,
                       const mosquitto_property *properties) {
  (void)from, (void)context, (void)flags, (void)properties;
  check_reason_code("CONNACK", reason_code);
  request_answered();
}

/* When the connection is lost, libmosquitto would connect again, and the run would go on. */
static void on_disconnect(struct mosquitto *from, void *context, int reason, const mosquitto_property *properties) {
  (void)from, (void)context, (void)properties;
  if (reason != 0) fail("connection lost", mosquitto_strerror(reason));
  request_answered();
}

static void on_publish(struct mosquitto *from, void *context, int message_id, int reason_code,
                       const mosquitto_property *properties) {
  (void)from, (void)context, (void)message_id, (void)properties;
  check_reason_code("publish", reason_code);
  message_completed();
}

static void on_message(struct mosquitto *from, void *context, const struct mosquitto_message *message,
                       const mosquitto_property *properties) {
  (void)from, (void)context, (void)properties;
  message_received(message->payloadlen);
}

static void on_subscribe(struct mosquitto *from, void *context, int message_id, int count, const int *granted,
                         const mosquitto_property *properties) {
  (void)from, (void)context, (void)message_id, (void)properties;
  for (int index = 0; index < count; index++) check_reason_code("SUBACK", granted[index]);
  request_answered();
}

static void on_unsubscribe(struct mosquitto *from, void *context, int message_id,
                           const mosquitto_property *properties) {
  (void)from, (void)context, (void)message_id, (void)properties;
  request_answered();
}

static void set_callbacks(void) {
  mosquitto_connect_v5_callback_set(client, on_connect);
  mosquitto_disconnect_v5_callback_set(client, on_disconnect);
  mosquitto_publish_v5_callback_set(client, on_publish);
  mosquitto_message_v5_callback_set(client, on_message);
  mosquitto_subscribe_v5_callback_set(client, on_subscribe);
  mosquitto_unsubscribe_v5_callback_set(client, on_unsubscribe);
}

static void set_options(int window) {
  check("PROTOCOL_VERSION", mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5));
  check("TCP_NODELAY", mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1));
  check("SEND_MAXIMUM", mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, window));
  check("RECEIVE_MAXIMUM", mosquitto_int_option(client, MOSQ_OPT_RECEIVE_MAXIMUM, window));
}

void connect_client(const struct client_options *options) {
  mosquitto_lib_init();
  client = mosquitto_new(options->client_id, true, NULL);
  if (client == NULL) fail("mosquitto_new", "no client");
  set_callbacks();
  set_options(options->window);
  check("connect", mosquitto_connect_bind_v5(client, options->host, options->port, keep_alive_seconds, NULL, NULL));
  check("loop", mosquitto_loop_start(client));
}

void send_message(const char *topic, const void *payload, int length, int qos) {
  check("publish", mosquitto_publish_v5(client, NULL, topic, length, payload, qos, false, NULL));
}

void subscribe(const char *filter, int qos) {
  check("subscribe", mosquitto_subscribe_v5(client, NULL, filter, qos, 0, NULL));
}

void unsubscribe(const char *filter) {
  check("unsubscribe", mosquitto_unsubscribe_v5(client, NULL, filter, NULL));
}

void disconnect_client(void) {
  check("disconnect", mosquitto_disconnect_v5(client, 0, NULL));
}

void print_version(void) {
  int major, minor, revision;
  mosquitto_lib_version(&major, &minor, &revision);
  printf("%d.%d.%d\n", major, minor, revision);
}
