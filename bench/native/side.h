/*
 * What side.c and the program of one library ask of each other.
 *
 * side.c knows the commands, the window and the counts, and no library. The file of a library knows its calls, and
 * neither how many messages there are nor when they are sent. Callbacks may come from any thread.
 */
#ifndef SIDE_H
#define SIDE_H

struct client_options {
  const char *host;
  int port;
  const char *client_id;
  int qos;
  /* How many messages may be unacknowledged, in either direction. */
  int window;
};

/* The library: each call starts something whose end the library reports with one of the calls below. */
void print_version(void);
void connect_client(const struct client_options *options);
void send_message(const char *topic, const void *payload, int length, int qos);
void subscribe(const char *filter, int qos);
void unsubscribe(const char *filter);
void disconnect_client(void);

/* The reports: a request is answered, a message has fulfilled its QoS, a message has come. */
void request_answered(void);
void message_completed(void);
void message_received(int length);

/* Ends the program: nothing is measured when something fails. */
void fail(const char *what, const char *why);

#endif
