/*
 * The calls of paho.mqtt.c, asynchronous: MQTTAsync, whose threads send, receive and make the callbacks.
 *
 * Its options are those of the other sides: MQTT 5.0, the window in flight and as Receive Maximum, nothing is kept on
 * the disk. It has no option for Nagle's algorithm.
 */
#include "side.h"
#include <MQTTAsync.h>
#include <stdio.h>
#include <string.h>

enum { keep_alive_seconds = 60, disconnect_milliseconds = 5000 };

static MQTTAsync client;

static void check(const char *what, int result) {
  if (result != MQTTASYNC_SUCCESS) fail(what, MQTTAsync_strerror(result));
}

static void on_failure(void *context, MQTTAsync_failureData5 *response) {
  const char *what = context;
  fail(what, response->message != NULL ? response->message : MQTTReasonCode_toString(response->reasonCode));
}

static void on_connection_lost(void *context, char *cause) {
  (void)context;
  fail("connection lost", cause != NULL ? cause : "by the server");
}

static void on_answer(void *context, MQTTAsync_successData5 *response) {
  (void)context, (void)response;
  request_answered();
}

static void on_completed(void *context, MQTTAsync_successData5 *response) {
  (void)context, (void)response;
  message_completed();
}

/* To return 1 is to take the message, which then has to be freed here. */
static int on_message(void *context, char *topic, int topic_length, MQTTAsync_message *message) {
  (void)context, (void)topic_length;
  message_received(message->payloadlen);
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;
}

/* The options of a call; `what` names it when it fails. */
static MQTTAsync_callOptions reporting(const char *what, MQTTAsync_onSuccess5 *on_success) {
  MQTTAsync_callOptions call = MQTTAsync_callOptions_initializer;
  call.context = (void *)what;
  call.onSuccess5 = on_success;
  call.onFailure5 = on_failure;
  return call;
}

static void create_client(const struct client_options *options) {
  char address[64];
  snprintf(address, sizeof address, "tcp://%s:%d", options->host, options->port);
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
  create.sendWhileDisconnected = 0;
  /* Messages that wait for a thread of the library are buffered too, not only those without a connection. */
  create.maxBufferedMessages = options->window;
  const int created =
    MQTTAsync_createWithOptions(&client, address, options->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
  check("create", created);
  check("callbacks", MQTTAsync_setCallbacks(client, NULL, on_connection_lost, on_message, NULL));
}

void connect_client(const struct client_options *options) {
  create_client(options);
  MQTTProperty receive_maximum = {.identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM};
  receive_maximum.value.integer2 = (unsigned short)options->window;
  MQTTProperties properties = MQTTProperties_initializer;
  check("properties", MQTTProperties_add(&properties, &receive_maximum));
  MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer5;
  connect.keepAliveInterval = keep_alive_seconds;
  connect.cleanstart = 1;
  connect.maxInflight = options->window;
  connect.connectProperties = &properties;
  connect.context = "CONNACK";
  connect.onSuccess5 = on_answer;
  connect.onFailure5 = on_failure;
  check("connect", MQTTAsync_connect(client, &connect));
  MQTTProperties_free(&properties);
}

void send_message(const char *topic, const void *payload, int length, int qos) {
  MQTTAsync_message message = MQTTAsync_message_initializer;
  message.payload = (void *)payload;
  message.payloadlen = length;
  message.qos = qos;
  MQTTAsync_callOptions call = reporting("publish", on_completed);
  check("publish", MQTTAsync_sendMessage(client, topic, &message, &call));
}

void subscribe(const char *filter, int qos) {
  MQTTAsync_callOptions call = reporting("SUBACK", on_answer);
  check("subscribe", MQTTAsync_subscribe(client, filter, qos, &call));
}

void unsubscribe(const char *filter) {
  MQTTAsync_callOptions call = reporting("UNSUBACK", on_answer);
  check("unsubscribe", MQTTAsync_unsubscribe(client, filter, &call));
}

void disconnect_client(void) {
  MQTTAsync_disconnectOptions disconnect = MQTTAsync_disconnectOptions_initializer5;
  disconnect.timeout = disconnect_milliseconds;
  disconnect.onSuccess5 = on_answer;
  check("disconnect", MQTTAsync_disconnect(client, &disconnect));
}

void print_version(void) {
  for (MQTTAsync_nameValue *one = MQTTAsync_getVersionInfo(); one->name != NULL; one++) {
    if (strcmp(one->name, "Version") == 0) printf("%s\n", one->value);
  }
}
